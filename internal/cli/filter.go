package cli

import (
	"errors"
	"net/netip"
	"os"

	"github.com/spf13/pflag"

	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/netns"
	"github.com/reusewatch/reusewatch/internal/policy"
	"github.com/reusewatch/reusewatch/internal/proc"
)

// filterFlags choose listeners, the same on every command.
type filterFlags struct {
	ports []uint
	addrs []string
	netns []string
	pids  []int
	comms []string
	uids  []uint
	containers
}

// containers choose by what owners run in.
type containers struct{ ids, pods, namespaces []string }

func (ff *filterFlags) add(f *pflag.FlagSet) {
	f.UintSliceVar(&ff.ports, "port", nil, "only listeners on this port (repeatable, as all filters)")
	f.StringArrayVar(&ff.addrs, "addr", nil, "only listeners bound to an address in this CIDR")
	f.StringArrayVar(&ff.netns, "netns", nil, "only this network namespace: an inode, a name, a path or pid:N")
	f.IntSliceVar(&ff.pids, "pid", nil, "only listeners that this process owns")
	f.StringArrayVar(&ff.comms, "comm", nil, "only listeners that a process of this name owns (exact, 15 bytes)")
	f.UintSliceVar(&ff.uids, "uid", nil, "only listeners that a process of this user id owns")
	f.StringArrayVar(&ff.ids, "container", nil, "only listeners that a process in this container owns (how its id begins)")
	f.StringArrayVar(&ff.pods, "pod", nil, "only listeners that a process in a pod of this name owns (a shell pattern: web-*)")
	f.StringArrayVar(&ff.namespaces, "namespace", nil, "only listeners that a process in a pod of this Kubernetes namespace owns")
}

// scope is a filter whose network namespaces are kept open: as long as it is,
// no other namespace can get their inodes.
type scope struct {
	listener.Filter
	held   []*os.File
	names  *names       // of containers, for as long as it is open
	reader *proc.Reader // likewise
}

func (ff *filterFlags) open(fs proc.FS) (_ *scope, err error) {
	s := &scope{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for _, p := range ff.ports {
		if p == 0 || p > 65535 {
			return nil, usagef("--port %d is no TCP port", p)
		}
		s.Ports = append(s.Ports, uint16(p))
	}
	for _, a := range ff.addrs {
		prefix, err := parsePrefix(a)
		if err != nil {
			return nil, usagef("--addr %q is neither an address nor a CIDR: %w", a, err)
		}
		s.Addrs = append(s.Addrs, prefix)
	}
	for _, spec := range ff.netns {
		ns, f, err := netns.NewMounts(fs.Root()).Resolve(spec)
		if err != nil {
			return nil, usageError{err}
		}
		s.held = append(s.held, f)
		s.Netns = append(s.Netns, ns.Inode)
	}
	for _, comm := range ff.comms {
		if len(comm) > 15 {
			return nil, usagef("--comm %q is longer than the 15 bytes that the kernel keeps", comm)
		}
	}
	s.PIDs, s.Comms = ff.pids, ff.comms
	for _, uid := range ff.uids {
		s.UIDs = append(s.UIDs, uint32(uid))
	}
	s.Containers, err = ff.choice()
	return s, err
}

func (c *containers) choice() (listener.Containers, error) {
	for _, f := range []struct {
		name   string
		values []string
		parse  func(string) (string, error)
	}{
		{"container", c.ids, policy.ParseContainer}, {"pod", c.pods, policy.ParsePod}, {"namespace", c.namespaces, policy.ParseNamespace},
	} {
		for _, v := range f.values {
			if _, err := f.parse(v); err != nil {
				return listener.Containers{}, usagef("--%s %w", f.name, err)
			}
		}
	}
	return listener.Containers{IDs: c.ids, Pods: c.pods, Namespaces: c.namespaces}, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

// namespaces adds to those that processes are in what a mount keeps, and what was
// asked for: some have no process and no mount.
func (s *scope) namespaces(all []netns.Namespace) ([]netns.Namespace, error) {
	mounted, err := netns.NewMounts("").All()
	if err != nil {
		return nil, err
	}
	for i, f := range s.held {
		n := netns.OfFile(f)
		n.Inode = s.Netns[i]
		mounted = append(mounted, n)
	}
	at := make(map[uint32]int, len(all))
	for i := range all {
		at[all[i].Inode] = i
	}
	for _, n := range mounted {
		if i, known := at[n.Inode]; known {
			all[i] = n // it outlives its processes
			continue
		}
		at[n.Inode] = len(all)
		all = append(all, n)
	}
	return all, nil
}

func (s *scope) close() error {
	errs := []error{s.names.close()}
	if s.reader != nil {
		s.reader.Close()
	}
	for _, f := range s.held {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
