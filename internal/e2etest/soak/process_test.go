package soak

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// resident is the memory of a process in MB.
func resident(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(b), "VmRSS:")
	var kb float64
	if _, err := fmt.Sscan(after, &kb); err != nil {
		return 0, fmt.Errorf("memory of pid %d: %w", pid, err)
	}
	return kb / 1024, nil
}

// descriptors are how many of each kind a process has.
type descriptors map[string]int

func descriptorsOf(pid int) (descriptors, error) {
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	of := descriptors{}
	for _, f := range files {
		to, err := os.Readlink(dir + f.Name())
		if err != nil {
			continue // closed meanwhile
		}
		if kind, _, numbered := strings.Cut(to, ":["); numbered {
			to = kind
		}
		of[to]++
	}
	return of, nil
}

func (d descriptors) n() (n int) {
	for _, of := range d {
		n += of
	}
	return n
}

// more tells which there are more of than there were.
func (d descriptors) more(than descriptors) string {
	var words []string
	for kind, n := range d {
		if before := than[kind]; n > before {
			words = append(words, fmt.Sprintf("%s: %d, and were %d", kind, n, before))
		}
	}
	slices.Sort(words)
	return strings.Join(words, "; ")
}
