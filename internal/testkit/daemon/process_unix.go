//go:build unix

package daemon

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
)

func killGroup(cmd *exec.Cmd) error {
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("daemon: kill process group %d: %w", cmd.Process.Pid, err)
	}
	return nil
}
