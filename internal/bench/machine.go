package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machine is where the benchmarks ran, when, and of what source.
type machine struct {
	CPU      string    `json:"cpu"`
	Arch     string    `json:"arch"`
	Cores    int       `json:"cores"`
	MemoryGB float64   `json:"memory_gb"` // of 2^30 bytes
	Kernel   string    `json:"kernel"`
	VMKernel string    `json:"vm_kernel"` // of the VM in which instructions are counted
	Go       string    `json:"go"`
	Commit   string    `json:"commit"`
	Time     time.Time `json:"time"`
}

func thisMachine(vmKernel string) (machine, error) {
	m := machine{
		Arch: runtime.GOARCH, Cores: runtime.NumCPU(), VMKernel: vmKernel, Go: runtime.Version(),
		Time: time.Now().UTC().Truncate(time.Second),
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return m, fmt.Errorf("uname: %w", err)
	}
	m.Kernel = unix.ByteSliceToString(u.Release[:])
	var s unix.Sysinfo_t
	if err := unix.Sysinfo(&s); err != nil {
		return m, fmt.Errorf("sysinfo: %w", err)
	}
	m.MemoryGB = float64(s.Totalram*uint64(s.Unit)>>20) / 1024
	cpus, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m, fmt.Errorf("read the model of the CPU: %w", err)
	}
	m.CPU = cpuModel(cpus)
	commit, err := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*").Output()
	if err != nil {
		return m, fmt.Errorf("ask git for the commit: %w", err)
	}
	m.Commit = string(bytes.TrimSpace(commit))
	return m, nil
}

// cpuModel is the model as /proc/cpuinfo names it; arm64 gives only numbers.
func cpuModel(cpuinfo []byte) string {
	for _, key := range []string{"model name", "CPU part"} {
		for line := range strings.Lines(string(cpuinfo)) {
			if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == key {
				return strings.TrimSpace(value)
			}
		}
	}
	return "unknown"
}

// String is one line of it.
func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %.0f GB, Linux %s %s (in the VM: %s), %s, commit %s, %s",
		m.CPU, m.Cores, m.MemoryGB, m.Kernel, m.Arch, m.VMKernel, m.Go, m.Commit, m.Time.Format(time.DateOnly))
}
