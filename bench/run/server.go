package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/taeldb/tael/bench/loadgen"
	"github.com/taeldb/tael/internal/testkit/daemon"
	"github.com/taeldb/tael/internal/testkit/s3server"
)

// serverOptions say how the taeld of a scenario differs from the default.
type serverOptions struct {
	args []string
	data string // of an earlier one; "" makes a new directory
	// minio, if not nil, holds the cold tier, and endpoint is how it is reached.
	minio    *s3server.Server
	endpoint string
}

// server is a running taeld.
type server struct {
	daemon     *daemon.Daemon
	pid        int
	otlp, rest string
	data, cold string
	readyAfter time.Duration
	client     *http.Client
}

// start runs a taeld that ends with the scenario.
func (b *bench) start(ctx context.Context, o serverOptions) (*server, error) {
	data := o.data
	if data == "" {
		var err error
		if data, err = b.folder("data"); err != nil {
			return nil, err
		}
	}
	run := daemon.Options{Binary: b.taeld, DataDir: data, Args: o.args}
	if o.minio != nil {
		run.Args = append(run.Args, "--cold-url", o.minio.URL("bench"), "--s3-endpoint", o.endpoint, "--s3-region", "us-east-1", "--s3-path-style")
		run.Env = append(run.Env, "AWS_ACCESS_KEY_ID="+o.minio.AccessKey, "AWS_SECRET_ACCESS_KEY="+o.minio.SecretKey)
	}
	if b.profiles != "" {
		run.Args = append(run.Args, "--pprof")
	}
	d, err := daemon.Run(ctx, run)
	if err != nil {
		return nil, err
	}
	b.atEnd(d.Close)
	return &server{
		daemon: d, pid: d.PID(), otlp: d.OTLP, rest: d.REST, data: data, cold: filepath.Join(data, "cold"),
		readyAfter: d.ReadyAfter(), client: &http.Client{Timeout: 10 * time.Minute},
	}, nil
}

func (s *server) kill() error { return s.daemon.Kill() }

// stop ends it in an orderly way.
func (s *server) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return s.daemon.Stop(ctx)
}

// spent is what a taeld has cost since its start.
type spent struct {
	cpu     time.Duration
	written int64
}

func (s *server) cost() (spent, error) {
	cpu, cpuErr := cpuTime(s.pid)
	written, writtenErr := bytesWritten(s.pid)
	return spent{cpu, written}, errors.Join(cpuErr, writtenErr)
}

func (s *server) get(ctx context.Context, path string) ([]byte, error) {
	return s.do(ctx, http.MethodGet, path)
}

func (s *server) do(ctx context.Context, method, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.rest+path, nil)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: read the answer: %w", method, path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, body[:min(len(body), 300)])
	}
	return body, nil
}

// flush returns when everything acknowledged is in the table.
func (s *server) flush(ctx context.Context) error {
	_, err := s.do(ctx, http.MethodPost, "/api/v1/admin/flush")
	return err
}

// tier fails unless everything that is stored is in the one tier, so that no line is measured in the other by accident.
func (s *server) tier(ctx context.Context, want string) error {
	body, err := s.get(ctx, "/api/v1/spans?limit=1&explain=true")
	if err != nil {
		return err
	}
	var answer struct {
		Explain struct {
			ColdFiles    int `json:"cold_files"`
			HotFragments int `json:"hot_fragments"`
		} `json:"explain"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("decode what was read: %w", err)
	}
	e := answer.Explain
	if want == "hot" && (e.ColdFiles > 0 || e.HotFragments == 0) || want == "cold" && (e.ColdFiles == 0 || e.HotFragments > 0) {
		return fmt.Errorf("want all spans in the %s tier, but there are %d cold files, and %d hot fragments were read", want, e.ColdFiles, e.HotFragments)
	}
	return nil
}

// stored is the bytes of hot and of cold data, by taeld's own account.
func (s *server) stored(ctx context.Context) (hot, cold int64, err error) {
	body, err := s.get(ctx, "/api/v1/stats")
	if err != nil {
		return 0, 0, err
	}
	var stats struct {
		Hot, Cold struct{ Bytes int64 }
	}
	if err := json.Unmarshal(body, &stats); err != nil {
		return 0, 0, fmt.Errorf("decode the statistics: %w", err)
	}
	return stats.Hot.Bytes, stats.Cold.Bytes, nil
}

// verify asks for a sample of the traces of a load and fails unless they are as acknowledged.
func (s *server) verify(ctx context.Context, ledger *loadgen.Ledger, sample int) error {
	o := loadgen.DefaultVerifyOptions()
	o.URL, o.Sample = s.rest, sample
	report, err := loadgen.Verify(ctx, o, ledger)
	if err != nil {
		return err
	}
	return report.Err()
}

// profile takes a CPU profile of a taeld from now on; the returned function waits for it and stores it. It covers a fixed time, so
// a short phase leaves the rest of it idle.
func (b *bench) profile(ctx context.Context, s *server, phase string) func() error {
	if b.profiles == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		body, err := s.get(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%.0f", max(1, b.profiled.Seconds())))
		if err == nil {
			err = os.WriteFile(b.profilePath(phase), body, 0o644)
		}
		done <- err
	}()
	return func() error { return <-done }
}
