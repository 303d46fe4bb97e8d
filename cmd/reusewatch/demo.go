package main

import (
	"github.com/reusewatch/reusewatch/internal/proc"
	"github.com/spf13/cobra"
)

func newDemo(std streams, fs proc.FS) *cobra.Command {
	return &cobra.Command{Use: "demo", Args: cobra.NoArgs}
}
