package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/container"
	"github.com/reusewatch/reusewatch/internal/container/cri"
	"github.com/reusewatch/reusewatch/internal/text"
)

// nameFlags say where the names of containers come from.
type nameFlags struct {
	logs   string
	socket string
	stderr func() io.Writer
}

func (n *nameFlags) add(cmd *cobra.Command) {
	n.stderr = cmd.ErrOrStderr
	f := cmd.Flags()
	f.StringVar(&n.logs, "container-logs", container.DefaultLogs, "where the kubelet links the logs of containers: the links tell pods' names")
	f.StringVar(&n.socket, "cri-socket", "", "ask this container runtime (CRI) for names and images of containers, such as /run/containerd/containerd.sock")
}

// names knows the names of containers until it is closed.
type names struct {
	*container.Names
	client *cri.Client // nil: no runtime is asked
}

func (n *nameFlags) open() (*names, error) {
	opened := &names{}
	o := container.Options{Logs: n.logs, Warn: func(err error) {
		fmt.Fprintf(n.stderr(), "reusewatch: names of containers: %s\n", text.Printable(err.Error()))
	}}
	if n.socket != "" {
		client, err := cri.New(n.socket)
		if err != nil {
			return nil, usageError{err}
		}
		opened.client = client
		o.Ask = client.Container
	}
	opened.Names = container.New(o)
	return opened, nil
}

func (n *names) close() error {
	if n == nil {
		return nil
	}
	n.Close()
	if n.client == nil {
		return nil
	}
	return n.client.Close()
}
