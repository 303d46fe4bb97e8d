package kernel

import "testing"

func TestMovesHalfOpen(t *testing.T) {
	for version, want := range map[string]bool{
		"#1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1 (2026-10-30)":          true,
		"#1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1~bpo12+1 (2026-11-02)":  true,
		"#1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1+deb13u1 (2026-11-02)":  true,
		"#1 SMP PREEMPT_DYNAMIC Debian 6.12.118-2 (2026-11-02)":          true,
		"#1 SMP PREEMPT_DYNAMIC Debian 6.12.121-1 (2026-12-02)":          true,
		"#1 SMP Debian 6.12.118-1 (2026-10-30)":                          true, // arm64
		"#1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1 (2026-10-01)":          false,
		"#1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1~exp1 (2026-10-01)":     false,
		"#1 SMP PREEMPT_DYNAMIC Debian 6.12.12-1 (2025-02-01)":           false,
		"#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-10-30)":           false,
		"#1 SMP PREEMPT_DYNAMIC Debian 6.13.118-1 (2026-10-30)":          false,
		"#1 SMP PREEMPT_DYNAMIC Debian 7.3.4-1~bpo13+1 (2026-11-20)":     false, // those of MPTCP alone
		"#1 SMP PREEMPT_DYNAMIC Debian 16.12.118-1 (2026-10-30)":         false,
		"#48-Ubuntu SMP PREEMPT_DYNAMIC Fri Oct 30 12:00:00 UTC 2026":    false,
		"#1 SMP PREEMPT_DYNAMIC NotDebian 6.12.118-1 (2026-10-30)":       false,
		"#1 SMP PREEMPT_DYNAMIC @0":                                      false,
		"":                                                               false,
		"#1 SMP Debian 6.12.99999999999999999999-1 (2026-10-30)":         false,
		"my own #1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1 (2026-10-30)":   false,
		"#1 SMP PREEMPT_DYNAMIC Debian 6.12.118-1.custom1 (2026-10-30) ": false,
	} {
		if got := movesHalfOpen(version); got != want {
			t.Errorf("%q: %v, want %v", version, got, want)
		}
	}
}
