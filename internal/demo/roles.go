package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
)

// The roles that the demo plays in processes of their own.
const (
	roleOld     = "old"     // listens and never accepts
	roleNew     = "new"     // accepts and answers
	roleClients = "clients" // begin requests and health checks
)

// site is where both servers listen: in a namespace of its own every port is free.
func site() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:8080") }

// Play plays a role until it is killed. It tells out, a line at a time, what the
// demo must know.
func Play(ctx context.Context, role string, out io.Writer) error {
	if err := onStage(); err != nil {
		return err
	}
	switch role {
	case roleOld:
		return playOld(out)
	case roleNew:
		return playNew(ctx, out)
	case roleClients:
		return playClients(ctx, out)
	default:
		return fmt.Errorf("there is no role %q", role)
	}
}

// onStage refuses to play in the network namespace of whoever started us: a
// server that never accepts must not meet real ones.
func onStage() error {
	ours, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return fmt.Errorf("tell own network namespace: %w", err)
	}
	theirs, err := os.Readlink("/proc/" + strconv.Itoa(os.Getppid()) + "/ns/net")
	if err != nil {
		return fmt.Errorf("tell the network namespace of the parent: %w", err)
	}
	if ours == theirs {
		return errors.New("this part of the demo is started by `reusewatch demo`, in a network namespace of its own")
	}
	return nil
}

// setComm gives the process a name of its own in ps and in listener tables.
func setComm(name string) error {
	if err := os.WriteFile("/proc/self/comm", []byte(name), 0); err != nil {
		return fmt.Errorf("set own name: %w", err)
	}
	return nil
}
