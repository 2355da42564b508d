// Package child runs the test binary again as a child process, for tests that kill a process or that must not hang with one. The child
// takes its part from the environment in TestMain, and talks to its parent in lines on stdin and stdout.
package child

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// partEnv is the environment variable that names the child's part.
const partEnv = "TAEL_TEST_CHILD"

// Part is the part of this process: "" in the parent.
func Part() string { return os.Getenv(partEnv) }

// Process is a child that runs or has ended. Its methods may be called from many goroutines.
type Process struct {
	// Lines gives what the child writes to stdout, line by line, and is closed when the child has ended.
	Lines <-chan string

	cmd    *exec.Cmd
	stdin  io.WriteCloser
	ended  chan struct{}
	err    error // how it ended; valid after ended
	stderr tail
}

// Start runs the test binary in the given part, with more environment variables ("KEY=value"). The child is in a process group of its
// own, dies with this process, and is killed in t.Cleanup.
func Start(t testing.TB, part string, env ...string) *Process {
	t.Helper()
	return start(t, syscall.SIGKILL, part, env)
}

// StartTidy is Start for a child that has something to tidy up: when this process dies, it gets SIGTERM instead of SIGKILL.
func StartTidy(t testing.TB, part string, env ...string) *Process {
	t.Helper()
	return start(t, syscall.SIGTERM, part, env)
}

func start(t testing.TB, atDeath syscall.Signal, part string, env []string) *Process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^$")
	cmd.Env = append(append(os.Environ(), partEnv+"="+part), env...)
	cmd.WaitDelay = 5 * time.Second
	ownGroup(cmd, atDeath)
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stderr = &p.stderr
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = out
	lines := make(chan string, 1000)
	p.Lines = lines
	started := make(chan error)
	go func() {
		// The death signal of a child is bound to the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = out.Close() // the child has its own
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
		close(p.ended)
	}()
	go func() {
		defer close(lines)
		defer stdout.Close()
		for s := bufio.NewScanner(stdout); s.Scan(); {
			lines <- s.Text()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		for range lines { // so that its reader ends
		}
		if t.Failed() && p.stderr.String() != "" {
			t.Logf("child %s wrote:\n%s", part, p.stderr.String())
		}
	})
	return p
}

// Tell writes a line to the child's stdin.
func (p *Process) Tell(format string, args ...any) error {
	_, err := fmt.Fprintf(p.stdin, format+"\n", args...)
	return err
}

// Kill ends the child and its group with SIGKILL, and waits for it at most some seconds: a process that the kernel holds is left behind.
func (p *Process) Kill() {
	select {
	case <-p.ended:
		return // its number may be somebody else's by now
	default:
	}
	killGroup(p.cmd)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
	}
}

// Wait returns how the child ended, or false when it still runs after the limit.
func (p *Process) Wait(limit time.Duration) (err error, ended bool) { //nolint:revive // the error is the child's, not of the call
	select {
	case <-p.ended:
		return p.err, true
	case <-time.After(limit):
		return nil, false
	}
}

// Errors is the last part of what the child wrote to stderr.
func (p *Process) Errors() string { return p.stderr.String() }

// tail keeps the last part of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const kept = 64 << 10

func (b *tail) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buf.Len()+len(p) > 2*kept {
		rest := bytes.Clone(b.buf.Bytes()[max(0, b.buf.Len()-kept):])
		b.buf.Reset()
		b.buf.Write(rest)
	}
	b.buf.Write(p[max(0, len(p)-kept):])
	return len(p), nil
}

func (b *tail) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
