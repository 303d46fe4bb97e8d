package scenarios

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/reusewatch/reusewatch/internal/daemon"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// BenchmarkTop is what the real `top` costs on a terminal of 120x40 with 5,000
// listeners in 2,000 groups, at a look a second: percent of one core.
func BenchmarkTop(b *testing.B) {
	ns := livetest.Netns(b)
	for i := range 2000 {
		ns.Group(2+i%2, livetest.Listen{})
	}
	for _, from := range []string{"kernel", "daemon"} {
		b.Run(from, func(b *testing.B) {
			source := "kernel"
			if from == "daemon" {
				dir := b.TempDir()
				run(b, "--netns", ns.Path, "--state-dir", dir)
				source = "unix:" + daemon.SocketIn(dir)
			}
			tm := newTerminal(b, 120, 40)
			tm.reusewatch("top", "--from", source, "--netns", ns.Path)
			tm.await("5000 listeners  2000 groups")
			time.Sleep(5 * time.Second) // what it costs to start is another matter
			pid := tm.foreground()
			b.ResetTimer()
			began, used := time.Now(), cpuTicks(b, pid)
			for range b.N {
				time.Sleep(20 * time.Second)
			}
			spent := time.Duration(cpuTicks(b, pid)-used) * (time.Second / 100)
			b.ReportMetric(100*spent.Seconds()/time.Since(began).Seconds(), "%cpu")
			b.ReportMetric(0, "ns/op")
			tm.press("q")
			tm.await("ended: 0")
		})
	}
}

// cpuTicks is the user and system time of a process, in hundredths of a second.
func cpuTicks(t testing.TB, pid int) (ticks int) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	var user, system int
	f := strings.Fields(rest)
	if _, err := fmt.Sscan(f[11]+" "+f[12], &user, &system); err != nil {
		t.Fatal(err)
	}
	return user + system
}
