package cli

import (
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/reusewatch/reusewatch/internal/daemon"
)

// metricsFlags say whether and where metrics are served.
type metricsFlags struct {
	address string
	groups  int
}

func (m *metricsFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&m.address, "metrics-address", "", "serve /metrics, /healthz and /readyz on this HOST:PORT; empty: nowhere")
	f.IntVar(&m.groups, "metrics-groups", 1000, "export at most this many addresses under their own name, once they have lasted a minute; as many again if they are stuck, which are named at once; and the others as one")
}

// serve gives nil where nobody asked for metrics.
func (m *metricsFlags) serve(log *slog.Logger, interval time.Duration, version string) (*daemon.Exporter, error) {
	if m.address == "" {
		return nil, nil
	}
	if m.groups < 1 {
		return nil, usagef("--metrics-groups %d: at least 1 must have its name", m.groups)
	}
	e, err := daemon.Serve(log, m.address, m.groups, interval, version)
	if err != nil {
		return nil, usagef("--metrics-address: %w", err)
	}
	return e, nil
}
