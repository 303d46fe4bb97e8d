package demo

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"
)

func TestDemoLive(t *testing.T) {
	for _, tier := range []string{"", "queues"} {
		t.Run("tier "+tier, func(t *testing.T) {
			p := perform(t, "--tier", tier)
			p.end(90 * time.Second)
			if code := p.cmd.ProcessState.ExitCode(); code != 0 || p.complained() != "" {
				t.Errorf("exit code %d, stderr %q", code, p.complained())
			}
			out := p.said()
			culprit := regexp.MustCompile(`old  pid (\d+) listens`).FindStringSubmatch(out)
			if culprit == nil {
				t.Fatal("it does not tell the pid of the old server")
			}
			for _, want := range []string{
				`stuck    pid ` + culprit[1] + ` \(demo-old\)`,
				`SIGTERM\s+to\s+pid\s+` + culprit[1],
				`acted    pid ` + culprit[1] + ` is gone`,
				`\n4\. After[^\n]*\n   (\d+) requests: (\d+) answered, 0 hung \(0 %\)\n`,
				`\n   hung  +[1-9]\d* +0\n`,
				`\nNext:  reusewatch list`,
			} {
				if !regexp.MustCompile(want).MatchString(out) {
					t.Errorf("nothing like %q", want)
				}
			}
			p.leftNothing()
		})
	}
}

// However it is ended, and whenever, nothing is left.
func TestDemoEndedLive(t *testing.T) {
	for _, tt := range []struct {
		name  string
		sig   syscall.Signal
		after string
	}{
		{"SIGTERM while reusewatch watches", syscall.SIGTERM, " suspect "},
		{"SIGINT in the first phase", syscall.SIGINT, "\n2. Before"},
		{"SIGHUP", syscall.SIGHUP, " ready "},
		{"SIGKILL", syscall.SIGKILL, " suspect "},
		{"SIGKILL at the start", syscall.SIGKILL, "reusewatch demo"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := perform(t)
			p.until(tt.after, 30*time.Second)
			if tt.after == " suspect " && len(p.running()) < 5 {
				t.Errorf("only %v run: the demo, two servers, clients and reusewatch were to", p.running())
			}
			if err := p.cmd.Process.Signal(tt.sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			p.end(15 * time.Second)
			if p.cmd.ProcessState.ExitCode() == 0 {
				t.Error("exit code 0")
			}
			p.leftNothing()
		})
	}
}

// One of the cast is gone: the demo says who, and leaves nothing.
func TestDemoFailsLive(t *testing.T) {
	p := perform(t)
	p.until("\n2. Before", 30*time.Second)
	pid := regexp.MustCompile(`new  pid (\d+) listens`).FindStringSubmatch(p.said())
	if pid == nil {
		t.Fatal("it does not tell the pid of the new server")
	}
	if out, err := exec.Command("kill", "-KILL", pid[1]).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p.end(15 * time.Second)
	want := "reusewatch: the new server ended: signal: killed\n"
	if code := p.cmd.ProcessState.ExitCode(); code != 70 || p.complained() != want {
		t.Errorf("exit code %d, stderr %q, want %q", code, p.complained(), want)
	}
	p.leftNothing()
}
