package child

import (
	"os/exec"
	"syscall"
)

// ownGroup puts the child into a process group of its own and has the kernel send it a signal when the thread that started it is gone.
func ownGroup(cmd *exec.Cmd, atDeath syscall.Signal) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: atDeath}
}

func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
