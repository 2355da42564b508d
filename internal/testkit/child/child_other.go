//go:build !linux

package child

import (
	"os/exec"
	"syscall"
)

func ownGroup(*exec.Cmd, syscall.Signal) {}

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
