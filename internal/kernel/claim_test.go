package kernel_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/reusewatch/reusewatch/internal/kernel"
	"github.com/reusewatch/reusewatch/internal/listener"
	"github.com/reusewatch/reusewatch/internal/livetest"
)

// asClaimer makes the test binary a process that claims what it is told to.
const asClaimer = "REUSEWATCH_TEST_CLAIMER"

// beClaimer reads a cookie a line and says whether it could claim it. At an empty line it
// gives back what it has.
func beClaimer() {
	var k kernel.Kernel
	var held io.Closer
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		if lines.Text() == "" {
			if held != nil {
				_ = held.Close()
				held = nil
			}
			fmt.Println("closed")
			continue
		}
		cookie, err := strconv.ParseUint(lines.Text(), 10, 64)
		if err == nil {
			held, err = k.Claim(cookie)
		}
		switch {
		case err == nil:
			fmt.Println("has it")
		case errors.Is(err, listener.ErrClaimed):
			fmt.Println("another has it")
		default:
			fmt.Println(err)
		}
	}
}

// claimer is a process that claims what it is told to.
type claimer struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Scanner
}

func newClaimer(t *testing.T, prepare func(*exec.Cmd)) *claimer {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), asClaimer+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if prepare != nil {
		prepare(cmd)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c := &claimer{t, cmd, in, bufio.NewScanner(out)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	return c
}

func (c *claimer) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

func (c *claimer) send(line string) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.in, line); err != nil {
		c.t.Fatal(err)
	}
}

func (c *claimer) said() string {
	c.t.Helper()
	if !c.out.Scan() {
		c.t.Fatal("a process that claims has ended")
	}
	return c.out.Text()
}

// Many processes claim one namespace at once, some of them in a mount namespace of
// their own: one gets it, whoever comes first, and the others get the next one.
func TestClaimAtOnce(t *testing.T) {
	livetest.Root(t)
	const processes, rounds = 8, 25
	claimers := make([]*claimer, processes)
	for i := range claimers {
		claimers[i] = newClaimer(t, func(cmd *exec.Cmd) {
			if i%2 == 0 {
				cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
			}
		})
	}
	winners := make(map[int]bool)
	for round := range rounds {
		for _, c := range claimers {
			c.send(fmt.Sprint(uint64(1)<<63 + uint64(round%2)))
		}
		won := 0
		for i, c := range claimers {
			switch said := c.said(); said {
			case "has it":
				won++
				winners[i] = true
			case "another has it":
			default:
				t.Fatal(said)
			}
		}
		if won != 1 {
			t.Fatalf("round %d: %d of %d have it", round, won, processes)
		}
		for _, c := range claimers {
			c.send("")
		}
		for _, c := range claimers {
			c.said()
		}
	}
	if len(winners) == 1 {
		t.Error("it was the same one each time: they were not there at once")
	}
}

// A claim ends with its holder, however that ends, and is of one namespace alone.
func TestClaimOfTheDead(t *testing.T) {
	livetest.Root(t)
	var k kernel.Kernel
	const cookie = 1<<63 + 2
	for range 5 {
		holder := newClaimer(t, nil)
		holder.send(fmt.Sprint(uint64(cookie)))
		if said := holder.said(); said != "has it" {
			t.Fatal(said)
		}
		if c, err := k.Claim(cookie); !errors.Is(err, listener.ErrClaimed) {
			t.Fatalf("%v, %v beside a holder", c, err)
		}
		other, err := k.Claim(cookie + 1)
		if err != nil {
			t.Fatalf("another namespace: %v", err)
		}
		holder.kill()
		c, err := k.Claim(cookie)
		if err != nil {
			t.Fatalf("after a holder was killed: %v", err)
		}
		if err := errors.Join(c.Close(), other.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// Nobody but root makes a claim, and so nobody else hinders one: also not a user who
// is root in a user namespace and a network namespace of his own.
func TestClaimOfUsers(t *testing.T) {
	livetest.Root(t)
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	for name, prepare := range map[string]func(*syscall.SysProcAttr){
		"a user": func(a *syscall.SysProcAttr) { a.Credential = nobody },
		"root of a user namespace": func(a *syscall.SysProcAttr) {
			a.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET
			a.UidMappings = []syscall.SysProcIDMap{{HostID: 65534, Size: 1}}
			a.GidMappings = []syscall.SysProcIDMap{{HostID: 65534, Size: 1}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClaimer(t, func(cmd *exec.Cmd) { prepare(cmd.SysProcAttr) })
			c.send("77")
			if said := c.said(); !strings.Contains(said, unix.EPERM.Error()) {
				t.Errorf("%q, want that it is not permitted", said)
			}
		})
	}
}
