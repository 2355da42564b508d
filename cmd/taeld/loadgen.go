package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/taeldb/tael/bench/gen"
	"github.com/taeldb/tael/bench/loadgen"
)

// loadgenCommand sends a generated load, and asks for it again.
type loadgenCommand struct {
	clientFlags `embed:""`
	Protocol    string  `name:"protocol" enum:"http,grpc" default:"http" help:"Protocol of OTLP: ${enum}."`
	Endpoint    string  `name:"endpoint" help:"Where to send: a URL for http, host:port for grpc. Default: http://127.0.0.1:4318 or 127.0.0.1:4317."`
	TLS         bool    `name:"tls" help:"Speak TLS to a grpc endpoint."`
	Spans       int     `name:"spans" default:"100000" help:"How many spans."`
	Rate        float64 `name:"rate" help:"Spans a second; 0 is as fast as they are taken."`
	Connections int     `name:"connections" default:"4" help:"Requests under way at once."`
	Batch       int     `name:"spans-per-request" default:"512" help:"Most spans in a request."`
	Gzip        bool    `name:"gzip" help:"Compress requests."`
	Direct      bool    `name:"direct" help:"Send as SDKs do that export directly: two spans of a trace in a request, not all of them as behind a Collector."`
	Seed        uint64  `name:"seed" default:"1" help:"Which of many loads of the same shape."`
	Verify      bool    `name:"verify" help:"Ask for every trace at --url and check that each acknowledged span is there once."`
}

// Run implements kong's command.
func (c *loadgenCommand) Run(out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	load := gen.DefaultOptions(time.Now())
	load.Seed, load.Spans, load.SpansPerRequest, load.Direct = c.Seed, c.Spans, c.Batch, c.Direct
	g, err := gen.New(load)
	if err != nil {
		return err
	}
	secure, err := c.secure()
	if err != nil {
		return err
	}
	o := loadgen.DefaultOptions()
	o.Protocol, o.Endpoint, o.Tenant, o.Token = c.Protocol, c.Endpoint, c.Tenant, c.Token
	o.Connections, o.Gzip, o.Rate = c.Connections, c.Gzip, c.Rate
	if c.Protocol == "grpc" {
		if o.Endpoint == "" {
			o.Endpoint = "127.0.0.1:4317"
		}
		if c.TLS || c.CAFile != "" {
			o.TLS = secure
		}
	} else {
		if o.Endpoint == "" {
			o.Endpoint = "http://127.0.0.1:4318"
		}
		o.TLS = secureFor(o.Endpoint, secure)
	}
	finish := func() {}
	if term.IsTerminal(int(os.Stderr.Fd())) {
		bar := progressbar.NewOptions(c.Spans, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription("spans"), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString("spans"), progressbar.OptionClearOnFinish())
		o.Progress = func(p loadgen.Progress) { _ = bar.Set(min(p.Spans, c.Spans)) } //nolint:errcheck // a picture that cannot be drawn is no failure of the load
		finish = func() { _ = bar.Finish() }                                         //nolint:errcheck // the same
	}
	ledger := loadgen.NewLedger(g)
	sent, err := loadgen.Run(ctx, o, loadgen.Stream(g, c.Gzip && c.Protocol == "http"), ledger)
	finish()
	if err2 := printSent(out, &sent); err == nil {
		err = err2
	}
	if err != nil || !c.Verify {
		return err
	}
	v := loadgen.DefaultVerifyOptions()
	v.URL, v.Tenant, v.Token, v.Connections, v.TLS = strings.TrimSuffix(c.URL, "/"), c.Tenant, c.Token, c.Connections, secureFor(c.URL, secure)
	found, err := loadgen.Verify(ctx, v, ledger)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if _, err := fmt.Fprintf(out, "asked for %d traces: %d as sent; %d spans, %d missing, %d doubled, %d foreign; median %s, 99 of 100 within %s\n",
		found.Traces, found.Complete, found.Spans, found.Missing, found.Doubled, found.Foreign, round(found.Latency.Quantile(0.5)), round(found.Latency.Quantile(0.99))); err != nil {
		return err
	}
	return found.Err()
}

func secureFor(url string, secure *tls.Config) *tls.Config {
	if strings.HasPrefix(url, "https://") {
		return secure
	}
	return nil
}

func printSent(out io.Writer, r *loadgen.Report) error {
	_, err := fmt.Fprintf(out, "sent %d spans in %d requests, %.1f MB of OTLP, in %s: %.0f spans/s; median %s, 99 of 100 within %s; %d retries\n",
		r.Spans, r.Requests, float64(r.RawBytes)/1e6, round(r.Elapsed), r.SpansPerSecond(), round(r.Latency.Quantile(0.5)), round(r.Latency.Quantile(0.99)), r.Retries)
	if err == nil && r.Rejected > 0 {
		_, err = fmt.Fprintf(out, "%d spans were rejected: %s\n", r.Rejected, r.RejectedReason)
	}
	return err
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
