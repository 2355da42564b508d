package daemon

import (
	"bytes"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// process is a child in a group of its own that dies when this process does.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // how it ended; valid after ended
}

// startProcess starts cmd from a goroutine that keeps its thread until the child has ended, because the death signal of
// a child is bound to the thread that started it.
func startProcess(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	ownGroup(cmd)
	cmd.WaitDelay = 5 * time.Second
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
		close(p.ended)
	}()
	return p, <-started
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// kill ends the process and its group, and waits for it.
func (p *process) kill() error {
	if p.hasEnded() {
		return nil // its number may already be somebody else's
	}
	err := killGroup(p.cmd)
	<-p.ended
	return err
}

// lastOutput keeps the last part of what a process writes.
type lastOutput struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const keptOutput = 256 << 10

func (b *lastOutput) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buf.Len()+len(p) > keptOutput {
		b.buf.Reset()
		b.buf.WriteString("(earlier output dropped)\n")
	}
	b.buf.Write(p[max(0, len(p)-keptOutput):])
	return len(p), nil
}

func (b *lastOutput) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
