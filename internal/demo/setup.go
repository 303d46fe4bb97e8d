package demo

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

const (
	// setOut is how long a server may take until it listens.
	setOut = 10 * time.Second
	// generation is how much later the new server is started: more than the
	// 1/100 s in which the kernel tells the start of a process, for the gate asks
	// which of the two is younger.
	generation = 50 * time.Millisecond
)

// setUp starts the servers and their clients.
func (d *demo) setUp(ctx context.Context) (err error) {
	if d.older, err = d.server(ctx, roleOld); err != nil {
		return err
	}
	time.Sleep(generation)
	if d.newer, err = d.server(ctx, roleNew); err != nil {
		return err
	}
	tellStage(d.p, d.older.pid(), d.newer.pid())
	d.clients, err = d.stage.start("the clients", d.role(roleClients), d.tally.line)
	return err
}

func (d *demo) role(name string) *exec.Cmd {
	return exec.Command(d.opts.Exe, append(append([]string{}, d.opts.Role...), name)...)
}

// server starts a server and waits until it listens.
func (d *demo) server(ctx context.Context, role string) (*actor, error) {
	listens := make(chan int, 1)
	heard := func(line []byte) {
		worker := 0
		_, _ = fmt.Sscanf(string(line), "listening %d", &worker) // not of one without workers
		select {
		case listens <- worker:
		default: // it told before
		}
	}
	a, err := d.stage.start("the "+role+" server", d.role(role), heard)
	if err != nil {
		return nil, err
	}
	select {
	case a.worker = <-listens:
		return a, nil
	case <-a.ended:
		return nil, a.unexpected()
	case <-time.After(setOut):
		return nil, fmt.Errorf("%s does not listen after %s", a.name, setOut)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
