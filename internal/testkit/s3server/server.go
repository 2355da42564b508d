// Package s3server runs a real S3 server as a child process, for tests, the demo and the bench runner: versitygw, which
// is small and starts in milliseconds, or MinIO, which users run. The binaries are built by "make tools".
package s3server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/taeldb/tael/engine/cold/objstore"
)

// Kind is which server runs.
type Kind string

// The kinds of server. The file names of their binaries carry the version, so that a new pin is never mixed with an old
// binary.
const (
	Versitygw Kind = "versitygw"
	MinIO     Kind = "minio"
)

var binaries = map[Kind]string{
	Versitygw: "versitygw-v1.8.0",
	MinIO:     "minio-20260212",
}

// ToolsEnv names a directory with the binaries; without it they are looked for in .cache/tael/tools below the home
// directory.
const ToolsEnv = "TAEL_TOOLS"

// Options say what to run.
type Options struct {
	// Kind is the server; Versitygw if empty.
	Kind Kind
	// Dir holds the objects and is made if missing. Empty: a temporary directory that Close removes.
	Dir string
	// Bucket is made before the server starts; "tael" if empty.
	Bucket string
	// Port on 127.0.0.1; 0 picks a free one.
	Port int
	// AccessKey and SecretKey of the server; random if empty.
	AccessKey, SecretKey string
}

// Server is a running or stopped server. Its methods may be called from many goroutines.
type Server struct {
	// Endpoint is the URL of the server, for example http://127.0.0.1:40123. It stays the same over Stop and Restart.
	Endpoint string
	// Bucket exists and is empty at the start.
	Bucket string
	// AccessKey and SecretKey are the credentials of the owner.
	AccessKey, SecretKey string
	// Dir holds the objects. With versitygw the object a/b of bucket c is the file c/a/b.
	Dir string
	// Kind is which server this is.
	Kind Kind

	binary  string
	addr    string
	tempDir string // removed by Close, or ""
	output  lockedBuffer

	mu   sync.Mutex
	proc *process // nil when stopped
}

// Run starts a server and returns when its bucket can be used. ctx bounds the start only; the server runs until Stop or
// Close, and dies with this process.
func Run(ctx context.Context, o Options) (*Server, error) {
	if o.Kind == "" {
		o.Kind = Versitygw
	}
	binary, err := Binary(o.Kind)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Kind: o.Kind, Bucket: o.Bucket, Dir: o.Dir, binary: binary,
		AccessKey: o.AccessKey, SecretKey: o.SecretKey,
	}
	if s.Bucket == "" {
		s.Bucket = "tael"
	}
	if s.AccessKey == "" {
		s.AccessKey, s.SecretKey = rand.Text()[:16], rand.Text()+rand.Text()
	}
	if s.Dir == "" {
		if s.tempDir, err = os.MkdirTemp("", "tael-s3-"); err != nil {
			return nil, fmt.Errorf("s3server: make a directory for the objects: %w", err)
		}
		s.Dir = s.tempDir
	}
	// Both servers take a folder at the top for a bucket, which spares a signed request.
	if err := os.MkdirAll(filepath.Join(s.Dir, s.Bucket), 0o755); err != nil {
		return nil, errors.Join(fmt.Errorf("s3server: make the bucket: %w", err), s.Close())
	}
	if err := s.startAnywhere(ctx, o.Port); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Binary returns the path of the server's binary, or an error that says how to get it.
func Binary(kind Kind) (string, error) {
	name, ok := binaries[kind]
	if !ok {
		return "", fmt.Errorf("s3server: unknown server %q; use %q or %q", kind, Versitygw, MinIO)
	}
	dir := os.Getenv(ToolsEnv)
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("s3server: find the tools: %w; set %s", err, ToolsEnv)
		}
		dir = filepath.Join(home, ".cache", "tael", "tools")
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("s3server: %s is not there (%w); run \"make tools\" or set %s", path, err, ToolsEnv)
	}
	return path, nil
}

// startAnywhere starts on the wanted port, or on a free one; another process may take a free port first, so that is
// tried a few times.
func (s *Server) startAnywhere(ctx context.Context, port int) error {
	var err error
	for range 5 {
		if port != 0 {
			s.addr = fmt.Sprintf("127.0.0.1:%d", port)
		} else if s.addr, err = freeAddr(); err != nil {
			return err
		}
		s.Endpoint = "http://" + s.addr
		if err = s.Restart(ctx); err == nil {
			return nil
		}
		if port != 0 || ctx.Err() != nil || !strings.Contains(err.Error(), "address already in use") {
			return err
		}
	}
	return err
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("s3server: find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// Options returns what a store needs to reach the server, with few and quick retries.
func (s *Server) Options() objstore.S3Options {
	return objstore.S3Options{
		Endpoint: s.Endpoint, Region: "us-east-1", Addressing: objstore.AddressPath,
		AccessKey: s.AccessKey, SecretKey: s.SecretKey,
		MaxAttempts: 3, MaxBackoff: 100 * time.Millisecond,
	}
}

// URL is the store's URL for a prefix in the bucket, for objstore.Open.
func (s *Server) URL(prefix string) string {
	return strings.TrimSuffix("s3://"+s.Bucket+"/"+prefix, "/")
}

// Output is what the server wrote, for a failing test.
func (s *Server) Output() string { return s.output.String() }

// Stop kills the server as a crash would. Objects that it acknowledged stay; Restart brings it back at the same
// endpoint.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return nil
	}
	err := s.proc.kill()
	s.proc = nil
	return err
}

// Restart starts the server if it does not run, and returns when it answers.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		return nil
	}
	proc, err := startProcess(s.command())
	if err != nil {
		return fmt.Errorf("s3server: start %s: %w", s.binary, err)
	}
	if err := s.awaitReady(ctx, proc); err != nil {
		return errors.Join(fmt.Errorf("s3server: %s at %s: %w; it said:\n%s", s.Kind, s.addr, err, s.Output()), proc.kill())
	}
	s.proc = proc
	return nil
}

// Close stops the server and removes its objects if Run made the directory. Closing twice is no error.
func (s *Server) Close() error {
	err := s.Stop()
	if s.tempDir != "" {
		err = errors.Join(err, os.RemoveAll(s.tempDir))
	}
	return err
}

func (s *Server) command() *exec.Cmd {
	var cmd *exec.Cmd
	switch s.Kind {
	case MinIO:
		cmd = exec.Command(s.binary, "server", "--address", s.addr, "--quiet", s.Dir)
		cmd.Env = append(os.Environ(), "MINIO_ROOT_USER="+s.AccessKey, "MINIO_ROOT_PASSWORD="+s.SecretKey,
			"MINIO_BROWSER=off", "MINIO_UPDATE=off")
	default:
		cmd = exec.Command(s.binary, "--port", s.addr, "--quiet", "--keep-alive", "posix", s.Dir)
		cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+s.AccessKey, "ROOT_SECRET_ACCESS_KEY="+s.SecretKey)
	}
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	return cmd
}

// awaitReady polls until the server lets our own credentials see the bucket. Credentials are random, so another server
// that took the port cannot pass for ours.
func (s *Server) awaitReady(ctx context.Context, proc *process) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	// A foreign listener on the port may never answer; our own process having ended is the sign.
	go func() {
		defer cancel()
		select {
		case <-proc.ended:
		case <-ctx.Done():
		}
	}()
	o := s.Options()
	o.MaxAttempts = 1
	for {
		err := s.healthy(ctx)
		if err == nil {
			var store objstore.Store
			if store, err = objstore.Open(ctx, s.URL(""), o); err == nil {
				return store.Close()
			}
		}
		select {
		case <-proc.ended:
			return fmt.Errorf("ended before it was ready: %w", proc.err)
		case <-time.After(10 * time.Millisecond):
		}
		if ctx.Err() != nil && !proc.hasEnded() {
			return fmt.Errorf("not ready: %w: %w", ctx.Err(), err)
		}
	}
}

func (s *Server) healthy(ctx context.Context) error {
	path := "/"
	if s.Kind == MinIO {
		path = "/minio/health/ready"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Endpoint+path, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	if s.Kind == MinIO && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("health: %s", resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}
