package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/taeldb/tael/access"
	"github.com/taeldb/tael/api"
	"github.com/taeldb/tael/engine"
	"github.com/taeldb/tael/engine/compactor"
	"github.com/taeldb/tael/ingest/otlp"
)

// serveCommand runs the daemon until SIGTERM or SIGINT.
type serveCommand struct {
	serveFlags `embed:""`
}

// check lists every problem of the options without opening anything.
func (f *serveFlags) check() error {
	engineOptions, engineErr := f.engineOptions(slog.New(slog.DiscardHandler), nil)
	_, otlpErr := f.receiverOptions(slog.New(slog.DiscardHandler), nil)
	return errors.Join(f.validate(), engineErr, otlpErr, engineOptions.S3.Validate())
}

// Bounds of a shutdown, in order: requests that run may end, then queries and the tiers.
const (
	drainTime   = 5 * time.Second
	headerTime  = 10 * time.Second
	idleTime    = 2 * time.Minute
	retryAfter  = time.Second
	heapShare   = 88 // percent of the memory limit
	maxHeader   = 64 << 10
	writeFactor = 10 * time.Second // on top of the query's own deadline, to send the answer
)

// Run implements kong's command.
func (c *serveCommand) Run(stderr io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return fmt.Errorf("log-level: %w", err)
	}
	log := slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: level}))
	// The collector works harder near the limit instead of letting the kernel end the process. The rest is for what is not the Go heap's: the
	// program itself and the mapped log of the active segment.
	debug.SetMemoryLimit(int64(c.MemoryLimit) / 100 * heapShare)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	d, err := start(ctx, &c.serveFlags, log)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			log.Info("stopped before it was ready")
			return nil
		}
		return err
	}
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case err = <-d.failed:
		log.Error("a listener failed, stopping", "error", err)
	}
	stop() // a second signal ends the process at once
	return errors.Join(err, d.close())
}

// service is what serve runs: opened in order, closed in reverse.
type service struct {
	log    *slog.Logger
	engine *engine.Engine
	https  []*http.Server
	grpc   *grpc.Server
	failed chan error
	served sync.WaitGroup
}

func start(ctx context.Context, f *serveFlags, log *slog.Logger) (_ *service, err error) {
	began := time.Now()
	var tokens *access.Tokens
	if f.AuthTokenFile != "" {
		if tokens, err = access.LoadTokens(f.AuthTokenFile); err != nil {
			return nil, err
		}
	}
	var secure *tls.Config
	if f.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(f.TLSCert, f.TLSKey)
		if err != nil {
			return nil, fmt.Errorf("tls-cert, tls-key: %w", err)
		}
		secure = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo())

	// Listeners first: an address in use is known before the store is opened, and clients that come early wait instead of being refused.
	d := &service{log: log, failed: make(chan error, 3)}
	var listeners []net.Listener
	listen := func(name, addr string) (net.Listener, error) {
		if addr == "" {
			return nil, nil //nolint:nilnil // off
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		listeners = append(listeners, l)
		return l, nil
	}
	defer func() { //nolint:contextcheck // closing has its own time, also when the start was cancelled
		if err != nil {
			for _, l := range listeners {
				err = errors.Join(err, ignoreClosed(l.Close()))
			}
			err = errors.Join(err, d.close())
		}
	}()
	restListener, err1 := listen("http-addr", f.HTTPAddr)
	otlpListener, err2 := listen("otlp-http-addr", f.OTLPHTTPAddr)
	grpcListener, err3 := listen("otlp-grpc-addr", f.OTLPGRPCAddr)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}

	engineOptions, err := f.engineOptions(log, registry)
	if err != nil {
		return nil, err
	}
	if d.engine, err = engine.Open(ctx, engineOptions); err != nil {
		return nil, err
	}
	receiverOptions, err := f.receiverOptions(log, registry)
	if err != nil {
		return nil, err
	}
	receiver, err := otlp.New(d.engine, tokens, receiverOptions)
	if err != nil {
		return nil, err
	}
	rest, err := api.New(api.Options{Store: d.engine, Flusher: flusher{d.engine}, Readiness: d.engine, Access: tokens, OTLP: receiver, Pprof: f.Pprof,
		RetryAfter: retryAfter, Now: time.Now, Logger: log, Register: registry, Gather: registry})
	if err != nil {
		return nil, err
	}
	d.serveHTTP(restListener, rest, secure, time.Duration(f.QueryTimeout)+writeFactor)
	if otlpListener != nil {
		mux := http.NewServeMux()
		mux.Handle("POST /v1/traces", receiver)
		d.serveHTTP(otlpListener, mux, secure, 0)
	}
	if grpcListener != nil {
		var extra []grpc.ServerOption
		if secure != nil {
			extra = append(extra, grpc.Creds(credentials.NewTLS(secure)))
		}
		d.grpc = receiver.NewGRPC(extra...) //nolint:contextcheck // each call has the context of its stream
		d.serve("otlp-grpc-addr", func() error { return d.grpc.Serve(grpcListener) })
	}
	attrs := []any{"version", version(), "data_dir", f.DataDir, "seconds", time.Since(began).Seconds(), "tls", secure != nil, "tokens", tokens != nil, "http", restListener.Addr().String()}
	if otlpListener != nil {
		attrs = append(attrs, "otlp_http", otlpListener.Addr().String())
	}
	if grpcListener != nil {
		attrs = append(attrs, "otlp_grpc", grpcListener.Addr().String())
	}
	log.Info("ready", attrs...)
	return d, nil
}

// serveHTTP serves with bounds on what a slow client can hold. writeTime 0 leaves the bound on bodies to the receiver.
func (d *service) serveHTTP(l net.Listener, h http.Handler, secure *tls.Config, writeTime time.Duration) {
	s := &http.Server{Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, WriteTimeout: writeTime, MaxHeaderBytes: maxHeader,
		TLSConfig: secure, ErrorLog: slog.NewLogLogger(d.log.Handler(), slog.LevelDebug)}
	d.https = append(d.https, s)
	d.serve(l.Addr().String(), func() error {
		var err error
		if secure != nil {
			err = s.ServeTLS(l, "", "")
		} else {
			err = s.Serve(l)
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	})
}

func (d *service) serve(name string, run func() error) {
	d.served.Add(1)
	go func() {
		defer d.served.Done()
		if err := run(); err != nil {
			d.failed <- fmt.Errorf("serve %s: %w", name, err)
		}
	}()
}

// close stops the listeners, lets requests end within a bound, and closes the store. Nothing acknowledged needs it: it is durable.
func (d *service) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range d.https {
		wg.Go(func() {
			if s.Shutdown(ctx) != nil {
				_ = s.Close() // what did not end in time is cut off; its client was not acknowledged and sends again
			}
		})
	}
	if d.grpc != nil {
		wg.Go(func() {
			stop := context.AfterFunc(ctx, d.grpc.Stop)
			d.grpc.GracefulStop()
			stop()
		})
	}
	wg.Wait()
	d.served.Wait()
	if d.engine == nil {
		return nil
	}
	if err := d.engine.Close(); err != nil {
		d.log.Error("stopped; the store did not close well", "error", err)
		return err
	}
	d.log.Info("stopped")
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// flusher shows the engine's flush to the API.
type flusher struct{ *engine.Engine }

func (f flusher) Flush(ctx context.Context) (api.FlushReport, error) {
	done, err := f.Engine.Flush(ctx)
	return report(done), err
}

func report(done compactor.Flushed) api.FlushReport {
	return api.FlushReport{Segments: done.Segments, Spans: done.Spans, Rows: done.Rows, Superseded: done.Deleted, Files: done.Files, Bytes: done.Bytes,
		Seconds: done.Elapsed.Seconds()}
}
