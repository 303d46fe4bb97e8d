package scenarios

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/reusewatch/reusewatch/internal/livetest"
)

// terminal is a shell in a tmux server of its own: a real terminal to drive.
type terminal struct {
	t      testing.TB
	socket string
}

// newTerminal opens one of this size; it ends with the test.
func newTerminal(t testing.TB, columns, rows int, env ...string) *terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Fatal("tmux is missing: scripts/setup test installs it")
	}
	// Not in the test's folder: its path may be too long for a socket.
	dir, err := os.MkdirTemp("", "rw")
	if err != nil {
		t.Fatal(err)
	}
	tm := &terminal{t, filepath.Join(dir, "tmux")}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the screen:\n%s", tm.screen())
		}
		_ = exec.Command("tmux", "-S", tm.socket, "kill-server").Run() // only ours
		_ = os.RemoveAll(dir)
	})
	words := []string{
		"-f", "/dev/null", "-u", "new-session", "-d",
		"-x", fmt.Sprint(columns), "-y", fmt.Sprint(rows), "-s", "s",
	}
	for _, e := range append([]string{"LC_ALL=C.UTF-8", asReusewatch + "=1", "ENV="}, env...) {
		words = append(words, "-e", e)
	}
	tm.tmux(append(words, "sh")...)
	tm.await("#") // of root
	return tm
}

func (tm *terminal) tmux(args ...string) string {
	tm.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", tm.socket}, args...)...).CombinedOutput()
	if err != nil {
		tm.t.Fatalf("tmux %v: %v: %s", args, err, out)
	}
	return string(out)
}

// screen is what a person sees.
func (tm *terminal) screen() string {
	out, _ := exec.Command("tmux", "-S", tm.socket, "capture-pane", "-p", "-t", "s").Output() // "" once it has ended
	return string(out)
}

// coloured says whether anything on the screen has a colour; bold and the like are none.
func (tm *terminal) coloured() bool {
	tm.t.Helper()
	colour := regexp.MustCompile(`\x1b\[([0-9;]*;)?(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]`)
	return colour.MatchString(tm.tmux("capture-pane", "-e", "-p", "-t", "s"))
}

// press sends keys one at a time, as a person does.
func (tm *terminal) press(keys ...string) {
	tm.t.Helper()
	for _, k := range keys {
		tm.tmux("send-keys", "-t", "s", k)
	}
}

// typed sends text as it stands, and Enter.
func (tm *terminal) typed(text string) {
	tm.t.Helper()
	tm.tmux("send-keys", "-t", "s", "-l", text)
	tm.press("Enter")
}

func (tm *terminal) await(texts ...string) {
	tm.t.Helper()
	livetest.Eventually(tm.t, fmt.Sprintf("the screen has %q", texts), func() bool {
		s := tm.screen()
		for _, text := range texts {
			if !strings.Contains(s, text) {
				return false
			}
		}
		return true
	})
}

func (tm *terminal) awaitNot(text string) {
	tm.t.Helper()
	livetest.Eventually(tm.t, fmt.Sprintf("the screen has no %q", text), func() bool {
		return !strings.Contains(tm.screen(), text)
	})
}

func (tm *terminal) resize(columns, rows int) {
	tm.t.Helper()
	tm.tmux("resize-window", "-t", "s", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(rows))
}

// state is all that a program could leave otherwise than it found it: the line
// discipline, the screen, the cursor, the modes of keys and mouse.
func (tm *terminal) state() string {
	tm.t.Helper()
	tty := strings.TrimSpace(tm.tmux("display-message", "-p", "-t", "s", "#{pane_tty}"))
	stty, err := exec.Command("stty", "-a", "-F", tty).Output()
	if err != nil {
		tm.t.Fatalf("stty of %s: %v", tty, err)
	}
	const modes = "alternate #{alternate_on} cursor #{cursor_flag} keypad #{keypad_flag} #{keypad_cursor_flag} " +
		"mouse #{mouse_any_flag} wrap #{wrap_flag} insert #{insert_flag} origin #{origin_flag}"
	return string(stty) + tm.tmux("display-message", "-p", "-t", "s", modes)
}

// reusewatch starts a command in the terminal. Its exit code is told when it ends.
func (tm *terminal) reusewatch(args ...string) {
	tm.t.Helper()
	self, err := os.Executable()
	if err != nil {
		tm.t.Fatal(err)
	}
	tm.typed("clear; " + self + " " + strings.Join(args, " ") + "; echo \"ended: $?\"")
}

// foreground is the process that the shell of the terminal waits for.
func (tm *terminal) foreground() int {
	tm.t.Helper()
	shell := strings.TrimSpace(tm.tmux("display-message", "-p", "-t", "s", "#{pane_pid}"))
	b, err := os.ReadFile(fmt.Sprintf("/proc/%s/task/%s/children", shell, shell))
	if err != nil {
		tm.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		tm.t.Fatalf("children of the shell: %q", b)
	}
	return pid
}
