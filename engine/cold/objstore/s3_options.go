package objstore

import (
	"errors"
	"fmt"
	"net/url"
	"time"
)

// S3Options says how to reach a bucket. A zero field means its default, so that S3Options{} is AWS with the standard
// chain: environment, shared config and credentials files, web identity, container and instance role.
type S3Options struct {
	// Endpoint is the URL of a server other than AWS, for example http://127.0.0.1:9000. Empty: AWS_ENDPOINT_URL_S3,
	// AWS_ENDPOINT_URL or the config file, else AWS.
	Endpoint string
	// Region is the region of the bucket. Empty: AWS_REGION or the config file; else us-east-1 when there is an endpoint.
	Region string
	// Addressing is AddressPath (http://host/bucket/key), AddressVirtual (http://bucket.host/key) or AddressAuto, which
	// is path with an endpoint and virtual without.
	Addressing Addressing

	// AccessKey, SecretKey and SessionToken are used instead of the standard chain when AccessKey is not empty.
	AccessKey, SecretKey, SessionToken string

	// CAFile is a PEM file of certificate authorities to trust besides those of the system, for a server with a
	// certificate of one's own. Empty: AWS_CA_BUNDLE, if set.
	CAFile string

	// MaxAttempts is how often one request is tried, the first time included; default 5.
	MaxAttempts int
	// MaxBackoff is the longest pause between two attempts; default 5 s. The pauses grow from a fraction of a second and
	// are random. With a server that is down, a call fails after at most MaxAttempts*(ConnectTimeout+MaxBackoff).
	MaxBackoff time.Duration
	// Adaptive slows all requests down when the server answers that it is overloaded, instead of only retrying later.
	Adaptive bool

	// ConnectTimeout bounds connecting and the TLS handshake; default 5 s.
	ConnectTimeout time.Duration
	// StallTimeout ends an attempt whose connection has moved no byte for so long; default 30 s.
	StallTimeout time.Duration

	// PartSize is the size from which Put uploads in parts, and of each part, in bytes; default 8 MiB, at least 5 MiB. An
	// object can have 10,000 parts.
	PartSize int64
	// Parallel is how many parts of one object are uploaded at once; default 3. Put holds up to Parallel+1 parts in memory.
	Parallel int
}

// Addressing is where the bucket's name goes in a request.
type Addressing string

// The ways of addressing a bucket; see S3Options.Addressing.
const (
	AddressAuto    Addressing = ""
	AddressPath    Addressing = "path"
	AddressVirtual Addressing = "virtual"
)

const minPartSize = 5 << 20

// DefaultS3Options returns the options with every default written out.
func DefaultS3Options() S3Options {
	return S3Options{
		MaxAttempts:    5,
		MaxBackoff:     5 * time.Second,
		ConnectTimeout: 5 * time.Second,
		StallTimeout:   30 * time.Second,
		PartSize:       8 << 20,
		Parallel:       3,
	}
}

// withDefaults fills in zero fields.
func (o S3Options) withDefaults() S3Options {
	d := DefaultS3Options()
	if o.MaxAttempts == 0 {
		o.MaxAttempts = d.MaxAttempts
	}
	if o.MaxBackoff == 0 {
		o.MaxBackoff = d.MaxBackoff
	}
	if o.ConnectTimeout == 0 {
		o.ConnectTimeout = d.ConnectTimeout
	}
	if o.StallTimeout == 0 {
		o.StallTimeout = d.StallTimeout
	}
	if o.PartSize == 0 {
		o.PartSize = d.PartSize
	}
	if o.Parallel == 0 {
		o.Parallel = d.Parallel
	}
	return o
}

// Validate lists everything that is wrong, as one error of class ErrInvalid, or returns nil.
func (o S3Options) Validate() error {
	var errs []error
	bad := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format+": %w", append(args, ErrInvalid)...))
		}
	}
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		bad(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
			(u.Path == "" || u.Path == "/") && u.RawQuery == "",
			"S3 endpoint %q: write http://host:port or https://host:port, without path and credentials", shown(o.Endpoint))
	}
	switch o.Addressing {
	case AddressAuto, AddressPath, AddressVirtual:
	default:
		bad(false, "S3 addressing %q: use %q, %q or leave it empty", o.Addressing, AddressPath, AddressVirtual)
	}
	bad((o.AccessKey == "") == (o.SecretKey == ""), "S3 access key and secret key: give both or neither")
	bad(o.SessionToken == "" || o.AccessKey != "", "S3 session token: needs an access key")
	bad(o.MaxAttempts >= 0 && o.MaxAttempts <= 100, "S3 attempts %d: use 1 to 100", o.MaxAttempts)
	bad(o.MaxBackoff >= 0, "S3 backoff %v: must not be negative", o.MaxBackoff)
	bad(o.ConnectTimeout >= 0, "S3 connect timeout %v: must not be negative", o.ConnectTimeout)
	bad(o.StallTimeout >= 0, "S3 stall timeout %v: must not be negative", o.StallTimeout)
	bad(o.PartSize == 0 || o.PartSize >= minPartSize && o.PartSize <= 1<<30,
		"S3 part size %d: use %d (5 MiB) to %d (1 GiB)", o.PartSize, int64(minPartSize), int64(1<<30))
	bad(o.Parallel >= 0 && o.Parallel <= 64, "S3 parallel parts %d: use 1 to 64", o.Parallel)
	return errors.Join(errs...)
}
