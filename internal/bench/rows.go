package main

import "slices"

// rows is the table, in its order.
func rows() []row {
	return slices.Concat(kernelRows(), lookRows(), daemonRows())
}

// kernelRows are what connections pay.
func kernelRows() []row {
	const live, vm, tools, run = "Connection", "InstructionsConnection", "InstructionsTools", "RunTime"
	const alone, group = "InstructionsSYNFlood/alone", "InstructionsSYNFlood/group"
	offLive, offVM := figure{live, "off-ns", nsAsUs}, figure{vm, "off-insns", instructions}
	return []row{
		{
			what: "always on, run time of the program in a connection", ours: figure{run, "quiet-ns", ns},
			against: "CPU of a loopback connection, off", theirs: offLive, ratio: figure{run, "quiet:off", share},
			target: "≤ 1 %", meets: []bound{{run, "quiet:off", atMost(0.01)}},
		},
		{
			what: "an empty program there, run time", ours: figure{run, "empty-ns", ns},
			against: "CPU of a loopback connection, off", theirs: offLive, ratio: figure{run, "empty:off", share},
		},
		{what: "always on, CPU of a connection", against: "off", theirs: offLive, ratio: figure{live, "quiet:off", more}},
		{what: "an empty program there, CPU of a connection", against: "off", theirs: offLive, ratio: figure{live, "empty:off", more}},
		{what: "always on, CPU of a connection", against: "an empty program", ratio: figure{live, "quiet:empty", more}},
		{
			what: "a new connection, counted in the functions tier", against: "off", theirs: offVM, ratio: figure{vm, "counting:off", more},
			target: "≤ 3 %", meets: []bound{{vm, "counting:off", atMost(1.03)}}, brief: true,
		},
		{what: "an empty program at the tracepoint", against: "off", theirs: offVM, ratio: figure{vm, "empty:off", more}},
		{what: "attached, counting nothing, functions tier", against: "off", theirs: offVM, ratio: figure{vm, "quiet:off", more}},
		{
			what: "counting, functions tier, what it adds", against: "bpftrace, the same counts by kprobes", theirs: figure{tools, "bpftrace:off", more},
			ratio: figure{tools, "counting/bpftrace", times}, target: "≤ 0.5 ×", meets: []bound{{tools, "counting/bpftrace", atMost(0.5)}},
		},
		{
			what: "counting, functions tier, what it adds", against: "tcptracer of bcc, an event a connection", theirs: figure{tools, "tcptracer:off", more},
			ratio: figure{tools, "counting/tcptracer", times}, target: "≤ 0.5 ×", meets: []bound{{tools, "counting/tcptracer", atMost(0.5)}},
		},
		{
			what: "counting all, tracepoints tier", against: "off", theirs: offLive, ratio: figure{live, "counting:off", more},
			target: "≤ 3 %", meets: []bound{{live, "counting:off", atMost(1.03)}},
		},
		{
			what: "counting a suspected group, tracepoints tier: connections of others", against: "off", theirs: offLive,
			ratio: figure{live, "elsewhere:off", more}, target: "≤ 3 %", meets: []bound{{live, "elsewhere:off", atMost(1.03)}},
		},
		{
			what: "keep-alive requests, haproxy under wrk, CPU", against: "off", theirs: figure{"KeepAlive", "off-us", us},
			ratio: figure{"KeepAlive", "on:off", more}, target: "not measurable",
			meets: []bound{{"KeepAlive", "on:off-q1", atMost(1)}}, brief: true,
		},
		{
			what: "SYN on a full queue, functions tier", against: "off", theirs: figure{alone, "off-insns", instructions},
			ratio: figure{alone, "counting:off", more}, target: "≤ 6 %", meets: []bound{{alone, "counting:off", atMost(1.06)}},
		},
		{
			what: "the same in a SO_REUSEPORT group", against: "off", theirs: figure{group, "off-insns", instructions},
			ratio: figure{group, "counting:off", more}, target: "≤ 6 %", meets: []bound{{group, "counting:off", atMost(1.06)}},
		},
		{
			what: "SYN on a full queue, tracepoints tier", against: "off", theirs: figure{"SYNFlood", "off-ns", nsAsUs},
			ratio: figure{"SYNFlood", "counting:off", more}, target: "0", meets: []bound{{"SYNFlood", "counting:off-q1", atMost(1)}},
		},
	}
}

// lookRows are what it takes to see everything once.
func lookRows() []row {
	const few, lot, census, list = "Tick/10000", "Tick/100000", "Host/Census", "Host/List"
	return []row{
		{
			what: "tick, 10,000 idle listeners", ours: figure{few, "look-ms", ms}, against: "`ss -lnt`", theirs: figure{few, "ss-ms", ms},
			ratio: figure{few, "ss:look", times}, target: "≤ 2 ms, ≥ 20 ×",
			meets: []bound{{few, "look-ms", atMost(2)}, {few, "ss:look", atLeast(20)}},
		},
		{
			what: "tick, 100,000 idle listeners", ours: figure{lot, "look-ms", ms}, against: "`ss -lnt`", theirs: figure{lot, "ss-ms", ms},
			ratio: figure{lot, "ss:look", times}, target: "≤ 20 ms, ≥ 20 ×",
			meets: []bound{{lot, "look-ms", atMost(20)}, {lot, "ss:look", atLeast(20)}},
		},
		{
			what: "the whole of a tick, with its judgements, 10,000", ours: figure{few, "tick-ms", ms},
			against: "`ss -lnt`", theirs: figure{few, "ss-ms", ms}, ratio: figure{few, "ss:tick", times},
		},
		{
			what: "the whole of a tick, with its judgements, 100,000", ours: figure{lot, "tick-ms", ms},
			against: "`ss -lnt`", theirs: figure{lot, "ss-ms", ms}, ratio: figure{lot, "ss:tick", times},
		},
		{
			what: "census: 2,000 processes, 45,000 fds, 1,000 listeners", ours: figure{census, "census-ms", ms},
			against: "`ss -lntp`", theirs: figure{census, "ss-ms", ms}, ratio: figure{census, "ss:census", times},
			target: "≥ 15 ×", meets: []bound{{census, "ss:census", atLeast(15)}},
		},
		{
			what: "the same", ours: figure{census, "census-ms", ms},
			against: "`netstat -lntp`", theirs: figure{census, "netstat-ms", ms}, ratio: figure{census, "netstat:census", times},
			target: "≥ 15 ×", meets: []bound{{census, "netstat:census", atLeast(15)}},
		},
		{
			what: "`list` on that host, start to table", ours: figure{list, "list-ms", ms},
			against: "`ss -lntp`", theirs: figure{list, "ss-ms", ms}, ratio: figure{list, "ss:list", times},
			target: "≥ 5 ×", meets: []bound{{list, "ss:list", atLeast(5)}},
		},
	}
}

// daemonRows are the daemon's own.
func daemonRows() []row {
	const daemon, births, stuck, allocated = "Host/Daemon", "Host/Births", "Stuck", "Allocations"
	return []row{
		{
			what: "start to `ready`", ours: figure{"Ready", "ready-ms", ms},
			target: "≤ 300 ms", meets: []bound{{"Ready", "ready-ms", atMost(300)}},
		},
		{what: "start to `ready` on that host", ours: figure{"Host/Ready", "ready-ms", ms}},
		{
			what: "daemon, 1,000 listeners, 1 s, CPU", ours: figure{daemon, "ours-%cpu", percent},
			against: "the shell loop at 1 s", theirs: figure{daemon, "loop-%cpu", percent}, ratio: figure{daemon, "loop:ours", times},
			target: "≤ 0.3 % of a core", meets: []bound{{daemon, "ours-%cpu", atMost(0.3)}}, brief: true,
		},
		{
			what: "its resident set", ours: figure{daemon, "rss-MB", mb},
			target: "≤ 25 MB", meets: []bound{{daemon, "rss-MB", atMost(25)}}, brief: true,
		},
		{
			what: "its growth by 3,000 births and deaths, 10,000 a minute", ours: figure{births, "grown-MB", mb},
			against: "after 3,000 before", theirs: figure{births, "first-MB", mb},
			target: "none", meets: []bound{{births, "grown-MB", atMost(1)}},
		},
		{
			what: "first hung client to `stuck`, beyond --stuck-after", ours: figure{stuck, "late-ms", ms},
			target: "≤ 1 interval, 1 s", meets: []bound{{stuck, "late-ms", atMost(1000)}}, brief: true,
		},
		{
			what: "act to the last of its clients answered", ours: figure{stuck, "healed-ms", ms},
			target: "≤ 100 ms", meets: []bound{{stuck, "healed-ms", atMost(100)}},
		},
		{
			what: "allocations of a steady tick, for each listener", ours: figure{allocated, "allocs/listener", allocations},
			target: "0", meets: []bound{{allocated, "allocs/listener", atMost(0.01)}},
		},
	}
}
