package kernel

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/bpf"
	"github.com/reusewatch/reusewatch/internal/listener"
)

// Events gives the births and deaths since the last call, oldest first.
func (k *Kernel) Events() ([]listener.Event, error) {
	if k.reader == nil {
		return nil, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	boot, err := k.boot()
	if err != nil {
		return nil, err
	}
	slept, err := suspended()
	if err != nil {
		return nil, err
	}
	// A deadline in the past reads what is there and never waits.
	k.reader.SetDeadline(time.Unix(1, 0))
	var events []listener.Event
	var raw bpf.KernelEvent
	for {
		err := k.reader.ReadInto(&k.record)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return events, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the ring buffer: %w", err)
		}
		copy(memoryOf(&raw), k.record.RawSample)
		events = append(events, event(&raw, boot, slept))
	}
}

// boot is the wall time of the kernel's monotonic 0.
func (k *Kernel) boot() (time.Time, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return time.Time{}, fmt.Errorf("read the monotonic clock: %w", err)
	}
	return time.Now().Add(-time.Duration(ts.Nano())), nil
}

// suspended gives how long the host was suspended, which the monotonic clock leaves out.
func suspended() (time.Duration, error) {
	var with, without unix.Timespec
	if err := errors.Join(unix.ClockGettime(unix.CLOCK_BOOTTIME, &with), unix.ClockGettime(unix.CLOCK_MONOTONIC, &without)); err != nil {
		return 0, fmt.Errorf("read the clocks since boot: %w", err)
	}
	// The time between the two readings makes the result too short, and so a birth too early:
	// no birth can seem to come after a start that it came before.
	return max(0, time.Duration(with.Nano()-without.Nano())), nil
}

func event(raw *bpf.KernelEvent, boot time.Time, slept time.Duration) listener.Event {
	e := listener.Event{
		Kind: listener.ListenBegan, Key: listener.Key(raw.Sk), Cookie: listener.Cookie(raw.Cookie),
		At: boot.Add(time.Duration(raw.KtimeNs)), SinceBoot: time.Duration(raw.KtimeNs) + slept,
		PID: int(raw.Pid), UID: raw.Uid, Comm: comm(raw.Comm), Execs: raw.Execs,
	}
	if raw.Kind == bpf.KernelEventKindEVENT_LISTEN_ENDED {
		e.Kind = listener.ListenEnded
	}
	return e
}

func comm(raw [16]int8) string {
	b := make([]byte, 0, len(raw))
	for _, c := range raw {
		if c == 0 {
			break
		}
		b = append(b, byte(c))
	}
	return string(b)
}
