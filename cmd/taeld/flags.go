package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/taeldb/tael/engine"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/ingest/otlp"
)

// serveFlags are the options of the daemon. Each is a flag, an environment variable and a key of the configuration file. The defaults here are tested to
// be those of the packages.
type serveFlags struct {
	Config string `name:"config" env:"TAEL_CONFIG" help:"YAML file with these options as keys."`

	OTLPGRPCAddr string `name:"otlp-grpc-addr" env:"TAEL_OTLP_GRPC_ADDR" default:"127.0.0.1:4317" group:"Listeners" help:"Address of OTLP over gRPC; empty is off."`
	OTLPHTTPAddr string `name:"otlp-http-addr" env:"TAEL_OTLP_HTTP_ADDR" default:"127.0.0.1:4318" group:"Listeners" help:"Address of OTLP over HTTP, /v1/traces; empty is off."`
	HTTPAddr     string `name:"http-addr" env:"TAEL_HTTP_ADDR,TAEL_REST_API_ADDR" default:"127.0.0.1:7701" group:"Listeners" help:"Address of the REST API, health and metrics, and OTLP over HTTP again."`

	AuthTokenFile  string `name:"auth-token-file" env:"TAEL_AUTH_TOKEN_FILE" group:"Access" help:"File of bearer tokens, one a line: <token> [tenant=<name>] [role=read,write,admin]. Without it there is no access control."`
	TLSCert        string `name:"tls-cert" env:"TAEL_TLS_CERT" group:"Access" help:"PEM file of the certificate chain; with --tls-key, every door speaks TLS."`
	TLSKey         string `name:"tls-key" env:"TAEL_TLS_KEY" group:"Access" help:"PEM file of the certificate's key."`
	InsecureListen bool   `name:"insecure-listen" env:"TAEL_INSECURE_LISTEN" group:"Access" help:"Allow addresses beyond loopback without tokens."`

	DataDir     string        `name:"data-dir" env:"TAEL_DATA_DIR" default:"./data" group:"Storage" help:"Directory of everything local."`
	Sync        string        `name:"sync" env:"TAEL_SYNC" default:"always" group:"Storage" help:"When an acknowledged span is on disk: always (before the acknowledgement), or a time like 200ms (a power cut loses at most that much)."`
	HotMaxAge   durationValue `name:"hot-max-age" env:"TAEL_HOT_MAX_AGE" default:"10m" group:"Storage" help:"Age at which a segment of the hot tier is sealed and flushed, when no older one waits."`
	HotMaxBytes bytesValue    `name:"hot-max-bytes" env:"TAEL_HOT_MAX_BYTES" default:"256MiB" group:"Storage" help:"Size at which a segment is sealed and flushed. A tenth of the memory limit, about, when that is less."`
	MemoryLimit bytesValue    `name:"memory-limit" env:"TAEL_MEMORY_LIMIT" default:"1GiB" group:"Storage" help:"Memory that the process is to stay under; every budget is a part of it."`
	MaxDisk     bytesValue    `name:"max-disk" env:"TAEL_MAX_DISK" default:"0" group:"Storage" help:"Disk that hot and cold data may use, when both are local: the oldest whole days are dropped first. 0 is no limit."`
	MinFreeDisk bytesValue    `name:"min-free-disk" env:"TAEL_MIN_FREE_DISK" default:"1GiB" group:"Storage" help:"Free disk below which spans are refused."`
	Retention   durationValue `name:"retention" env:"TAEL_RETENTION" default:"30d" group:"Storage" help:"Whole days that ended longer ago are dropped. 0 keeps all."`
	FlushShare  float64       `name:"flush-share" env:"TAEL_FLUSH_SHARE" default:"0.1" group:"Storage" help:"Part of the time that a flush may work while spans come in, on one core and a half; 1 never yields."`

	ColdURL       string        `name:"cold-url" env:"TAEL_COLD_URL" group:"Cold storage" help:"Where cold data lives: file:///path or s3://bucket/prefix. Default: in the data directory."`
	ColdPoll      durationValue `name:"cold-poll" env:"TAEL_COLD_POLL" default:"10s" group:"Cold storage" help:"How often to look for commits of other taelds on the same cold-url."`
	S3Endpoint    string        `name:"s3-endpoint" env:"TAEL_S3_ENDPOINT" group:"Cold storage" help:"URL of an S3 server that is not AWS, like http://127.0.0.1:9000."`
	S3Region      string        `name:"s3-region" env:"TAEL_S3_REGION" group:"Cold storage" help:"Region; default: from the AWS environment and files, like the credentials."`
	S3PathStyle   bool          `name:"s3-path-style" env:"TAEL_S3_PATH_STYLE" group:"Cold storage" help:"Put the bucket in the path, as MinIO needs."`
	S3CAFile      string        `name:"s3-ca-file" env:"TAEL_S3_CA_FILE" group:"Cold storage" help:"PEM file of further certificate authorities to trust for the S3 server."`
	QueryTimeout  durationValue `name:"query-timeout" env:"TAEL_QUERY_TIMEOUT" default:"30s" group:"Limits" help:"Deadline of a query."`
	QueryMaxRows  int64         `name:"query-max-rows" env:"TAEL_QUERY_MAX_ROWS" default:"200000000" group:"Limits" help:"Rows that one query may test; 0 is no limit."`
	QueryMaxBytes bytesValue    `name:"query-max-bytes" env:"TAEL_QUERY_MAX_BYTES" default:"64GiB" group:"Limits" help:"Bytes that one query may read; 0 is no limit."`

	OTLPMaxBody     bytesValue    `name:"otlp-max-body-bytes" env:"TAEL_OTLP_MAX_BODY_BYTES" default:"64MiB" group:"Limits" help:"Largest request, after decompression."`
	OTLPMaxInflight bytesValue    `name:"otlp-max-inflight-bytes" env:"TAEL_OTLP_MAX_INFLIGHT_BYTES" default:"128MiB" group:"Limits" help:"Bytes of all requests that are being taken, with what is cut from them; over it a request is refused as retryable. At most an eighth of the memory limit, but room for one request."`
	OTLPReadTimeout durationValue `name:"otlp-read-timeout" env:"TAEL_OTLP_READ_TIMEOUT" default:"30s" group:"Limits" help:"Time that a client may take to send a request."`
	MaxSpanBytes    bytesValue    `name:"max-span-bytes" env:"TAEL_MAX_SPAN_BYTES" default:"8MiB" group:"Limits" help:"Largest span."`
	MaxAttributes   int           `name:"max-span-attributes" env:"TAEL_MAX_SPAN_ATTRIBUTES" default:"1024" group:"Limits" help:"Most attributes of a span."`
	MaxSpanAge      durationValue `name:"max-span-age" env:"TAEL_MAX_SPAN_AGE" default:"365d" group:"Limits" help:"How long ago a span may have started."`
	MaxSpanAhead    durationValue `name:"max-span-ahead" env:"TAEL_MAX_SPAN_AHEAD" default:"1h" group:"Limits" help:"How far in the future a span may start."`

	LogLevel string `name:"log-level" env:"TAEL_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" group:"Operation" help:"Least level of the JSON log on stderr: ${enum}."`
	Pprof    bool   `name:"pprof" env:"TAEL_PPROF" group:"Operation" help:"Serve /debug/pprof/ on http-addr, for the admin role."`
}

// engineOptions maps flags to the engine's options.
func (f *serveFlags) engineOptions(log *slog.Logger, reg prometheus.Registerer) (engine.Options, error) {
	sync, err := parseSync(f.Sync)
	o := engine.DefaultOptions()
	o.DataDir, o.ColdURL = f.DataDir, f.ColdURL
	o.S3 = s3Options(f.S3Endpoint, f.S3Region, f.S3CAFile, f.S3PathStyle)
	o.HotMaxAge, o.HotMaxBytes, o.SyncInterval = time.Duration(f.HotMaxAge), int64(f.HotMaxBytes), sync
	o.MemoryLimit, o.MaxDisk, o.MinFreeDisk = int64(f.MemoryLimit), int64(f.MaxDisk), int64(f.MinFreeDisk)
	o.Retention, o.FlushShare, o.ColdPoll = time.Duration(f.Retention), f.FlushShare, time.Duration(f.ColdPoll)
	o.QueryTimeout, o.QueryBudget.Rows, o.QueryBudget.Bytes = time.Duration(f.QueryTimeout), f.QueryMaxRows, int64(f.QueryMaxBytes)
	o.Logger, o.Register = log, reg
	return o, errors.Join(err, o.Validate())
}

func (f *serveFlags) receiverOptions(log *slog.Logger, reg prometheus.Registerer) (otlp.Options, error) {
	o := otlp.DefaultOptions()
	o.MaxBodyBytes, o.ReadTimeout = int64(f.OTLPMaxBody), time.Duration(f.OTLPReadTimeout)
	o.MaxInflightBytes = f.inflight()
	o.Limits.SpanBytes, o.Limits.AttributesPerSpan = int(f.MaxSpanBytes), f.MaxAttributes
	o.Limits.MaxAge, o.Limits.MaxAhead = time.Duration(f.MaxSpanAge), time.Duration(f.MaxSpanAhead)
	o.Logger, o.Register = log, reg
	return o, o.Validate()
}

// inflight is a part of the memory limit that has room for one of the largest requests.
func (f *serveFlags) inflight() int64 {
	return min(int64(f.OTLPMaxInflight), max(int64(f.MemoryLimit)/8, int64(f.OTLPMaxBody)+1))
}

// validate checks what only main knows: addresses and access. Every problem is listed.
func (f *serveFlags) validate() error {
	var problems []error
	if (f.TLSCert == "") != (f.TLSKey == "") {
		problems = append(problems, errors.New("tls-cert and tls-key: give both or none"))
	}
	if f.HTTPAddr == "" {
		problems = append(problems, errors.New("http-addr: want an address"))
	}
	if f.ColdURL != "" {
		if _, err := objstore.ParseURL(f.ColdURL); err != nil {
			problems = append(problems, fmt.Errorf("cold-url: %w", err))
		}
	}
	for _, door := range [][2]string{{"otlp-grpc-addr", f.OTLPGRPCAddr}, {"otlp-http-addr", f.OTLPHTTPAddr}, {"http-addr", f.HTTPAddr}} {
		name, addr := door[0], door[1]
		if addr == "" {
			continue
		}
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s %q: want host:port", name, addr))
			continue
		}
		if f.AuthTokenFile == "" && !f.InsecureListen && !loopback(host) {
			problems = append(problems, fmt.Errorf("%s %q is reachable from other machines and there are no tokens: set auth-token-file, or insecure-listen to do it all the same", name, addr))
		}
	}
	return errors.Join(problems...)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// parseSync reads when an acknowledged span is on disk: 0 is before the acknowledgement.
func parseSync(s string) (time.Duration, error) {
	if s == "always" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Millisecond || d > time.Minute {
		return 0, fmt.Errorf("sync %q: want always, or a time from 1ms to 1m", s)
	}
	return d, nil
}
