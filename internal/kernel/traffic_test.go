package kernel_test

import (
	"testing"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// traffic is a way in which connections reach a group of listeners.
type traffic struct {
	name    string
	listen  livetest.Listen
	members int
	dead    int // of the members, how many never accept
	service livetest.Service
	dial    livetest.Dial
	to      []livetest.Family // in turn
	sysctls map[string]string
	// connections to make: fewer where another kind goes the same way.
	connections int
	// reset: with SYN cookies a FIN that was sent twice would be taken for one
	// more client.
	reset bool
	joins bool // MPTCP connections get a second subflow
	// happened is a counter of the kernel's that shows that the traffic was of
	// its kind.
	happened [2]string
}

func trafficKinds() []traffic {
	v4, v6 := []livetest.Family{livetest.V4}, []livetest.Family{livetest.V6}
	const many, some = 1300, 250
	return []traffic{
		{name: "v4", members: 3, to: v4, connections: many},
		{name: "v4 without a group", members: 1, to: v4, connections: some},
		{name: "v4 with a dead member", members: 3, dead: 1, to: v4, connections: some},
		{name: "v6", members: 2, to: v6, listen: livetest.Listen{Family: livetest.V6}, connections: many},
		{
			name: "dual stack", connections: many, members: 2, listen: livetest.Listen{Family: livetest.Dual},
			to: []livetest.Family{livetest.V4, livetest.V6},
		},
		{
			name: "mptcp with joins", connections: many, members: 2, to: v4, listen: livetest.Listen{MPTCP: true},
			dial:    livetest.Dial{MPTCP: true, Word: true, Echo: true},
			service: livetest.Service{Echo: true, Hold: true},
			joins:   true, happened: [2]string{"MPTcpExt", "MPJoinAckRx"},
		},
		{
			name: "plain clients of mptcp", connections: some, members: 2, to: v4, listen: livetest.Listen{MPTCP: true},
		},
		{
			name: "syn cookies", connections: many, members: 2, to: v4, reset: true,
			sysctls: map[string]string{"net.ipv4.tcp_syncookies": "2"}, happened: [2]string{"TcpExt", "SyncookiesRecv"},
		},
		{
			name: "syn cookies v6", connections: some, members: 2, to: v6, reset: true,
			listen:  livetest.Listen{Family: livetest.V6},
			sysctls: map[string]string{"net.ipv4.tcp_syncookies": "2"}, happened: [2]string{"TcpExt", "SyncookiesRecv"},
		},
		{
			name: "defer accept", connections: many, members: 2, to: v4, listen: livetest.Listen{DeferAccept: 10},
			dial: livetest.Dial{Word: true, Echo: true}, service: livetest.Service{Echo: true},
		},
		{
			name: "fast open", connections: many, members: 2, to: v4, listen: livetest.Listen{FastOpen: 4096},
			dial: livetest.Dial{Word: true, FastOpen: true, Echo: true}, service: livetest.Service{Echo: true},
			sysctls: map[string]string{"net.ipv4.tcp_fastopen": "3"}, happened: [2]string{"TcpExt", "TCPFastOpenPassive"},
		},
	}
}

// carried is what a run of traffic did, told by its own servers, clients and the
// kernel's counters of the namespace.
type carried struct {
	members   []*livetest.Listener
	queued    []int // per member
	accepted  []int
	connected int
	syns      int // of the clients, with those sent again and those of joins
	joined    int // subflows that joined
}

// run makes the connections and waits until the servers have taken all they will.
func (tr *traffic) run(t *testing.T) carried {
	ns := livetest.Netns(t)
	for name, value := range tr.sysctls {
		ns.Sysctl(name, value)
	}
	if tr.joins {
		ns.Run("ip", "mptcp", "limits", "set", "subflows", "2", "add_addr_accepted", "2")
		ns.Run("ip", "mptcp", "endpoint", "add", "127.0.0.2", "dev", "lo", "subflow")
	}
	group := []*livetest.Listener{}
	if tr.members == 1 {
		group = append(group, ns.Listen(tr.listen))
	} else {
		group = ns.Group(tr.members, tr.listen)
	}
	servers := make([]*livetest.Server, 0, len(group))
	for _, l := range group[:tr.members-tr.dead] {
		servers = append(servers, l.Serve(tr.service))
	}
	c := carried{members: group, queued: make([]int, len(group)), accepted: make([]int, len(group))}
	c.connected = tr.connect(t, ns, group[0])

	rest := livetest.Within(func() bool {
		sum := 0
		for i, l := range group {
			waiting := l.Queue()
			if i < len(servers) {
				c.accepted[i] = servers[i].Accepted()
				if waiting > 0 {
					return false
				}
			}
			c.queued[i] = c.accepted[i] + waiting
			sum += c.queued[i]
		}
		return sum == c.connected
	})
	if !rest {
		t.Fatalf("%d connected, %d came in; cookies failed %d, drops %d", c.connected, c.queued,
			ns.Counter("TcpExt", "SyncookiesFailed"), ns.Counter("TcpExt", "ListenDrops"))
	}
	c.syns = c.connected + ns.Counter("TcpExt", "TCPSynRetrans")
	if tr.joins {
		c.syns += ns.Counter("MPTcpExt", "MPJoinSynRx")
		c.joined = ns.Counter("MPTcpExt", "MPJoinAckRx")
	}
	if h := tr.happened; h[0] != "" && ns.Counter(h[0], h[1]) < c.connected*9/10 {
		t.Fatalf("%s %s is %d after %d connections: this was not %s",
			h[0], h[1], ns.Counter(h[0], h[1]), c.connected, tr.name)
	}
	return c
}

// connect makes the connections in lots, each held open until its joins are in.
func (tr *traffic) connect(t *testing.T, ns *livetest.Namespace, l *livetest.Listener) int {
	const lot = 50
	connected := 0
	for i := 0; connected < tr.connections; i++ {
		tr.dial.To = l.Dest(tr.to[i%len(tr.to)])
		held := ns.DialMany(lot, tr.dial)
		connected += lot
		if tr.joins {
			livetest.Eventually(t, "the joins are in", func() bool { return ns.Counter("MPTcpExt", "MPJoinAckRx") >= connected })
		}
		for _, c := range held {
			if tr.reset {
				c.Reset()
			} else {
				c.Close()
			}
		}
	}
	return connected
}
