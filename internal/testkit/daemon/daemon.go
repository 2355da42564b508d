package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options say what to run.
type Options struct {
	// Binary is the path of taeld.
	Binary string
	// DataDir holds everything local. Empty: a temporary directory that Close removes.
	DataDir string
	// Args follow "serve" and the flags that Run sets: the data directory and the addresses.
	Args []string
	// Env are variables beside those of this process, as KEY=value.
	Env []string
	// TLS is how a taeld that Args tell to speak TLS is reached; nil: it does not.
	TLS *tls.Config
	// ReadyTimeout bounds one start; a minute if zero.
	ReadyTimeout time.Duration
}

// Daemon is a running or stopped taeld. Its methods may be called from many goroutines.
type Daemon struct {
	// GRPC is the host:port of OTLP gRPC, OTLP the URL of OTLP/HTTP and REST the URL of everything else. They stay the same over Kill, Stop
	// and Restart.
	GRPC, OTLP, REST string
	// DataDir is the data directory.
	DataDir string

	opts    Options
	tempDir string // removed by Close, or ""
	output  lastOutput

	mu         sync.Mutex
	proc       *process // nil when stopped
	readyAfter time.Duration
}

// Run starts taeld and returns when /readyz says 200. ctx bounds the start only; the process runs until Kill, Stop or Close, and dies with
// this process.
func Run(ctx context.Context, o Options) (*Daemon, error) {
	d := &Daemon{DataDir: o.DataDir, opts: o}
	if o.Binary == "" {
		return nil, errors.New("daemon: no binary of taeld is named")
	}
	if d.DataDir == "" {
		var err error
		if d.tempDir, err = os.MkdirTemp("", "tael-data-"); err != nil {
			return nil, fmt.Errorf("daemon: make a data directory: %w", err)
		}
		d.DataDir = d.tempDir
	}
	// Another process may take a free port before taeld does, so a start is tried a few times.
	var err error
	for range 5 {
		if err = d.pickPorts(); err != nil {
			break
		}
		if err = d.Restart(ctx); err == nil {
			return d, nil
		}
		if ctx.Err() != nil || !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	return nil, errors.Join(err, d.Close())
}

// pickPorts finds free ports. They are fixed, unlike with port 0, so that clients find a restarted taeld again.
func (d *Daemon) pickPorts() error {
	var addrs [3]string
	for i := range addrs {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("daemon: find a free port: %w", err)
		}
		defer l.Close()
		addrs[i] = l.Addr().String()
	}
	scheme := "http://"
	if d.opts.TLS != nil {
		scheme = "https://"
	}
	d.GRPC, d.OTLP, d.REST = addrs[0], scheme+addrs[1], scheme+addrs[2]
	return nil
}

func hostOf(url string) string {
	_, host, _ := strings.Cut(url, "://")
	return host
}

func (d *Daemon) command() *exec.Cmd {
	args := []string{
		"serve", "--data-dir", d.DataDir, "--otlp-grpc-addr", d.GRPC,
		"--otlp-http-addr", hostOf(d.OTLP), "--http-addr", hostOf(d.REST),
	}
	cmd := exec.Command(d.opts.Binary, slices.Concat(args, d.opts.Args)...)
	cmd.Env = slices.Concat(os.Environ(), d.opts.Env)
	cmd.Stdout, cmd.Stderr = &d.output, &d.output
	return cmd
}

// Restart starts taeld if it does not run, and returns when it is ready.
func (d *Daemon) Restart(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.proc != nil && !d.proc.hasEnded() {
		return nil
	}
	begin := time.Now()
	proc, err := startProcess(d.command())
	if err != nil {
		return fmt.Errorf("daemon: start %s: %w", d.opts.Binary, err)
	}
	if err := d.awaitReady(ctx, proc); err != nil {
		return errors.Join(fmt.Errorf("daemon: %w; it said:\n%s", err, d.Output()), proc.kill())
	}
	d.proc, d.readyAfter = proc, time.Since(begin)
	return nil
}

// ReadyAfter is the time that the last start took, until /readyz said 200.
func (d *Daemon) ReadyAfter() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.readyAfter
}

func (d *Daemon) awaitReady(ctx context.Context, proc *process) error {
	limit := d.opts.ReadyTimeout
	if limit == 0 {
		limit = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: d.opts.TLS}, Timeout: 5 * time.Second}
	for {
		err := ready(ctx, client, d.REST)
		if proc.hasEnded() {
			return fmt.Errorf("taeld ended before it was ready: %w", proc.err)
		}
		if err == nil {
			return nil
		}
		select {
		case <-proc.ended:
		case <-ctx.Done():
			return fmt.Errorf("taeld is not ready after %s: %w", limit, err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func ready(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("readyz says %s", resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}

// PID is the process's number; 0 when it does not run.
func (d *Daemon) PID() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.proc == nil || d.proc.hasEnded() {
		return 0
	}
	return d.proc.cmd.Process.Pid
}

// Kill sends SIGKILL and returns when the process is gone.
func (d *Daemon) Kill() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.proc == nil {
		return nil
	}
	err := d.proc.kill()
	d.proc = nil
	return err
}

// Stop sends SIGTERM and waits for an orderly end; an exit status other than 0 is an error. When ctx ends first, the process is killed.
func (d *Daemon) Stop(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.proc == nil {
		return nil
	}
	proc := d.proc
	d.proc = nil
	if err := proc.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return errors.Join(fmt.Errorf("daemon: stop taeld: %w", err), proc.kill())
	}
	select {
	case <-proc.ended:
		if proc.err != nil {
			return fmt.Errorf("daemon: taeld ended with %w; it said:\n%s", proc.err, d.Output())
		}
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("daemon: taeld did not end on SIGTERM: %w", ctx.Err()), proc.kill())
	}
}

// Close kills what runs and removes the data directory if Run made it. Closing twice is no error.
func (d *Daemon) Close() error {
	err := d.Kill()
	if d.tempDir != "" {
		err = errors.Join(err, os.RemoveAll(d.tempDir))
	}
	return err
}

// Output is the last part of what taeld wrote, of all its starts.
func (d *Daemon) Output() string { return d.output.String() }

// Build makes the binary of this work tree in a directory and returns its path.
func Build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "taeld")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/taeldb/tael/cmd/taeld").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("daemon: build taeld: %w\n%s", err, out)
	}
	return path, nil
}
