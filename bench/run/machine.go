package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Machine says where and from what numbers were measured. What could not be found out is "unknown".
type Machine struct {
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Memory  string `json:"memory"`
	Kernel  string `json:"kernel"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	Command string `json:"command"`
	Date    string `json:"date"`
}

func thisMachine(ctx context.Context) Machine {
	return Machine{
		CPU: cpuModel(), Cores: runtime.NumCPU(), Memory: memory(), Kernel: kernel(), Commit: commit(ctx),
		Go: runtime.Version(), Command: strings.Join(os.Args, " "), Date: time.Now().UTC().Format(time.RFC3339),
	}
}

const unknown = "unknown"

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return unknown
	}
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return unknown
}

func memory() string {
	n, err := procField(os.Getpid(), "../meminfo", "MemTotal")
	if err != nil {
		return unknown
	}
	return human(float64(n), "B")
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return unknown
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}

// commit names the revision of the work tree, and says whether it was changed.
func commit(ctx context.Context) string {
	rev, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return unknown
	}
	name := strings.TrimSpace(string(rev))
	changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no").Output()
	if err == nil && len(strings.TrimSpace(string(changed))) > 0 {
		name += " with changes"
	}
	return name
}
