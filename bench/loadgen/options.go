package loadgen

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Options say where and how to send a load.
type Options struct {
	// Protocol is "http" or "grpc".
	Protocol string
	// Endpoint is a base URL such as http://127.0.0.1:4318 for HTTP, and host:port for gRPC.
	Endpoint string
	// Tenant and Token go along with every request; empty ones do not.
	Tenant, Token string
	// TLS is for https and for gRPC over TLS; nil is gRPC in clear, and HTTP as the URL says.
	TLS *tls.Config
	// Connections is how many requests are under way at once, each on a connection of its own.
	Connections int
	// Gzip compresses gRPC requests while they are sent. An HTTP payload is sent as its Source made it.
	Gzip bool
	// Rate bounds the spans a second; 0 is as fast as the server takes them.
	Rate float64
	// Timeout is for one try of one request.
	Timeout time.Duration
	// MaxElapsed is how long one request is tried again before the run gives up; 0 tries once.
	MaxElapsed time.Duration
	// Progress, if not nil, is called every ProgressEvery and at the end, from one goroutine at a time.
	Progress      func(Progress)
	ProgressEvery time.Duration
}

// DefaultOptions send to a taeld on this machine over OTLP/HTTP with four connections.
func DefaultOptions() Options {
	return Options{
		Protocol: "http", Endpoint: "http://127.0.0.1:4318", Connections: 4,
		Timeout: 30 * time.Second, MaxElapsed: 5 * time.Minute, ProgressEvery: 500 * time.Millisecond,
	}
}

// Validate lists every problem of the options.
func (o Options) Validate() error {
	var errs []error
	url := strings.HasPrefix(o.Endpoint, "http://") || strings.HasPrefix(o.Endpoint, "https://")
	switch {
	case o.Protocol != "http" && o.Protocol != "grpc":
		errs = append(errs, fmt.Errorf("protocol is %q, want http or grpc", o.Protocol))
	case o.Protocol == "http" && !url:
		errs = append(errs, fmt.Errorf("endpoint is %q, want a URL such as http://127.0.0.1:4318", o.Endpoint))
	case o.Protocol == "grpc" && (url || o.Endpoint == ""):
		errs = append(errs, fmt.Errorf("endpoint is %q, want host:port such as 127.0.0.1:4317", o.Endpoint))
	}
	if o.Connections < 1 {
		errs = append(errs, fmt.Errorf("connections is %d, want 1 or more", o.Connections))
	}
	if o.Rate < 0 {
		errs = append(errs, fmt.Errorf("rate is %g spans a second, want 0 or more", o.Rate))
	}
	if o.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("timeout is %s, want more than 0", o.Timeout))
	}
	if o.MaxElapsed < 0 {
		errs = append(errs, fmt.Errorf("the time for trying again is %s, want 0 or more", o.MaxElapsed))
	}
	if o.Progress != nil && o.ProgressEvery <= 0 {
		errs = append(errs, fmt.Errorf("progress is asked for every %s, want more than 0", o.ProgressEvery))
	}
	return errors.Join(errs...)
}
