package chaos

import "os/exec"

// kind is one of servers.
type kind interface {
	// word is what a client says.
	word() string
	// command is that of a healthy server; of one that starts slowly, how.
	command(c *cycle, name string) *exec.Cmd
	// ready waits until a server that listens accepts, and finds who does.
	ready(c *cycle, m *member)
	// dies starts a member that comes to a dead end before it accepts anybody.
	dies(c *cycle, how string) *member
	// event has something of its kind happen to a member, and gives what undoes it.
	event(c *cycle, s step, m *member) (undo func())
}

func kindOf(name string) kind {
	switch name {
	case "haproxy":
		return haproxy{}
	case "nginx":
		return nginx{}
	case "go":
		return ours{own: true}
	default:
		return ours{}
	}
}
