package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/text"
)

// descs are the metrics that a scrape makes from the last snapshot.
type descs struct {
	all []*prometheus.Desc

	tier, armed, ready, lastTick                         *prometheus.Desc
	listeners, held, waiting, waitingStuck, leftOut      *prometheus.Desc
	groups, young, overflow                              *prometheus.Desc
	members, stuck                                       *prometheus.Desc
	queue, backlog, oldest, stuckQueue, share            *prometheus.Desc
	syns, synsFull, selected, queued, accepted, dropped  *prometheus.Desc
	bpfTime, bpfRuns, bpfMisses, mapEntries, mapCapacity *prometheus.Desc
}

func newDescs() *descs {
	var all []*prometheus.Desc
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		all = append(all, prometheus.NewDesc("reusewatch_"+name, help, labels, nil))
		return all[len(all)-1]
	}
	group := func(name, help string, more ...string) *prometheus.Desc {
		return desc("group_"+name, help, append([]string{"netns", "local"}, more...)...)
	}
	d := &descs{
		tier:  desc("tier", "1 for how much of the kernel can be watched here: functions most, tracepoints, queues least. `reusewatch doctor` says why.", "tier"),
		armed: desc("armed", "1 where a stuck listener may be closed or its process killed; 0 where reusewatch only observes, or is disarmed."),
		ready: desc("ready", "1 once every hook is attached and the owners of all listeners are known."),
		lastTick: desc("last_tick_timestamp_seconds",
			"When all listeners were looked at last. If it stands still, nothing below can be believed."),
		listeners: desc("listeners", "Listeners by verdict. stuck: the same client stood at the head of the accept queue for --stuck-after.", "verdict"),
		held:      desc("held_listeners", "Stuck listeners that are not acted on, by the first reason that holds now. docs/acting.md lists the reasons.", "reason"),
		waiting: desc("waiting_clients",
			"Connections that are established for their clients and that no process has accepted, on all listeners."),
		waitingStuck: desc("stuck_waiting_clients", "The same on stuck listeners: clients that hang now."),
		leftOut: desc("suspects_left_out",
			"Suspected processes that the last look had no room for, or that hold more than it tells: what is not known of them holds."),
		groups: desc("groups", "Addresses that somebody listens on; the members of a SO_REUSEPORT group share one."),
		young: desc("groups_young",
			"Of these, those on which nobody has listened for a minute: they are counted together, as netns=\"\" local=\"other\"."),
		overflow: desc("groups_overflow",
			"Of these, those beyond --metrics-groups: they are counted together, as netns=\"\" local=\"other\"."),

		members: group("members", "Listeners on this address by verdict; those of a SO_REUSEPORT group get a share of its clients each.", "verdict"),
		stuck:   group("stuck_members", "Stuck listeners on this address by cause. "+text.Join(listener.CausesOfLoad(), " and ")+" are load, not a fault.", "cause"),
		queue: group("queue_connections",
			"Connections that wait to be accepted (Recv-Q), summed over the members."),
		backlog:    group("backlog_connections", "The most that may wait (Send-Q), summed over the members."),
		oldest:     group("oldest_wait_seconds", "How long the client at the head of a queue has waited, the longest of the members."),
		stuckQueue: group("stuck_waiting_clients", "Connections that wait at stuck members: clients that hang now."),
		share: group("stuck_share_ratio",
			"Share of the group's new clients in the last minute that landed on stuck members, 0 to 1: what a client's chance to hang is."),
		syns: group("syns_total", "SYNs that reached a listener on this address. Absent where the tier cannot know them."),
		synsFull: group("full_queue_syns_total",
			"Of these, SYNs that met a full accept queue and were dropped: clients that see timeouts, not hangs."),
		selected: group("selected_total", "SYNs that the kernel's hash gave to a member of this group."),
		queued: group("queued_total",
			"Connections that entered an accept queue. In the tracepoints tier counted while something is suspected only."),
		accepted: group("accepted_total", "Connections that a process accepted, counted as queued_total is."),
		dropped:  group("dropped_total", "Connections and SYNs that listeners on this address dropped, as ss and nstat count them."),

		bpfTime: desc("bpf_run_seconds_total",
			"CPU time of a program in the kernel. 0 unless sysctl kernel.bpf_stats_enabled is 1.", "program"),
		bpfRuns:     desc("bpf_runs_total", "Runs of a program in the kernel. 0 unless sysctl kernel.bpf_stats_enabled is 1.", "program"),
		bpfMisses:   desc("bpf_recursion_misses_total", "Runs that the kernel skipped: something was not counted.", "program"),
		mapEntries:  desc("bpf_map_entries", "Entries of a map in the kernel: listeners that are watched.", "map"),
		mapCapacity: desc("bpf_map_capacity_entries", "Room in the map; it is made larger when it is full.", "map"),
	}
	d.all = all
	return d
}
