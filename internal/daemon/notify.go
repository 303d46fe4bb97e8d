package daemon

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"

	"github.com/reusewatch/reusewatch/internal/listener"
)

// notifier tells the service manager how the daemon is, by sd_notify(3). It does
// nothing where no manager wants to know.
type notifier struct {
	log      *slog.Logger
	manager  *sdSocket
	watchdog time.Duration // the manager's patience; 0: it has no watchdog
	interval time.Duration // between two ticks

	// Of the watcher's goroutine.
	beat time.Time
	told string
}

func newNotifier(log *slog.Logger, interval time.Duration) *notifier {
	n := &notifier{log: log, manager: newSDSocket(log), interval: interval}
	var err error
	if n.watchdog, err = sd.SdWatchdogEnabled(false); err != nil {
		log.Warn("no watchdog", "error", err)
	}
	return n
}

// ready is told once all hooks are attached and the first census is in. A
// watchdog that would not wait for the ticks is asked for more patience.
func (n *notifier) ready() {
	state := sd.SdNotifyReady
	if least := 4 * n.interval; n.watchdog > 0 && n.watchdog < least {
		n.watchdog = least
		state += fmt.Sprintf("\nWATCHDOG_USEC=%d", least.Microseconds())
	}
	n.manager.state(state)
}

// tick is told at each snapshot, and is the watchdog's only food: when ticks
// stop, whatever for, the manager ends the process.
func (n *notifier) tick() {
	n.manager.again()
	if n.watchdog > 0 && time.Since(n.beat) >= n.watchdog/4 && n.manager.beat() {
		n.beat = time.Now()
	}
}

// status is told when it is another.
func (n *notifier) status(status string) {
	if status != n.told {
		n.told = status
		n.manager.say(status)
	}
}

func statusLine(tier listener.Tier, js []listener.Judgement, scope listener.Filter) string {
	watched, stuck := 0, 0
	for i := range js {
		if !scope.Match(js[i].Listener) {
			continue
		}
		watched++
		if js[i].Verdict == listener.Stuck {
			stuck++
		}
	}
	return fmt.Sprintf("%d listeners, %d stuck, %s tier", watched, stuck, tier)
}

// reload brackets the taking of a new policy.
func (n *notifier) reload(take func()) {
	n.manager.state(sd.SdNotifyReloading)
	take()
	n.manager.state(sd.SdNotifyReady)
}

func (n *notifier) stopping() {
	n.manager.state(sd.SdNotifyStopping)
	n.manager.end()
}

// onAbort makes a watchdog's SIGABRT leave one line in the journal and all stacks
// in a file of the state folder, where Go alone would write 150 lines to the
// journal. The returned func takes it back.
func (n *notifier) onAbort(dir string, logged *Outlet) func() {
	if n.watchdog == 0 || dir == "" {
		return func() {}
	}
	abort, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(abort, syscall.SIGABRT)
	go func() {
		select {
		case <-abort:
			path := filepath.Join(dir, "stalled.txt")
			err := os.WriteFile(path, stacks(), 0o600)
			if err != nil {
				path = err.Error()
			}
			n.log.Error("aborted, for the ticks had stopped", "stacks", path)
			logged.End()
			os.Exit(ExitInternal) // main waits for what has stopped
		case <-done:
		}
	}()
	return func() {
		signal.Stop(abort)
		close(done)
	}
}

func stacks() []byte {
	b := make([]byte, 1<<20)
	return b[:runtime.Stack(b, true)]
}
