package objstore

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Option changes what is the same for both kinds of Store.
type Option func(*options)

type options struct {
	observe   Observer
	logger    *slog.Logger
	now       func() time.Time
	hook      func(step string)
	openFiles int
}

// WithObserver has fn told of every operation.
func WithObserver(fn Observer) Option { return func(o *options) { o.observe = fn } }

// WithLogger sets where the rare things are logged that are worth an operator's attention and no error; nothing is
// logged without it.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.logger = l } }

// WithClock sets the clock by which durations are measured and leftovers judged; time.Now without it.
func WithClock(now func() time.Time) Option { return func(o *options) { o.now = now } }

// WithHook has fn called before and after each of the Step constants, for crash tests.
func WithHook(fn func(step string)) Option { return func(o *options) { o.hook = fn } }

// WithOpenFiles sets how many files a folder keeps open for GetRange; 128 without it, 0 opens a file for each read.
func WithOpenFiles(n int) Option { return func(o *options) { o.openFiles = n } }

// Open opens the store at rawURL and checks that it can be reached and read:
//
//	file:///absolute/path   a local folder, made if it is missing; an absolute path without a scheme means the same
//	s3://bucket/prefix      a bucket that exists, on AWS or at s3.Endpoint; the prefix may be empty
//
// s3 is only looked at for a bucket; its zero value means the defaults. The caller closes the store.
func Open(ctx context.Context, rawURL string, s3 S3Options, opts ...Option) (Store, error) {
	o := options{
		observe:   func(string, int64, time.Duration, error) {},
		logger:    slog.New(slog.DiscardHandler),
		now:       time.Now,
		hook:      func(string) {},
		openFiles: 128,
	}
	for _, opt := range opts {
		opt(&o)
	}
	loc, err := ParseURL(rawURL)
	if err != nil {
		return nil, err
	}
	if loc.Bucket == "" {
		return openFolder(ctx, loc.Path, o)
	}
	return openBucket(ctx, loc.Bucket, loc.Prefix, s3, o)
}

// Location is a parsed URL of a store: either Path or Bucket is set.
type Location struct {
	Path   string // absolute path of a folder
	Bucket string
	Prefix string // in the bucket, without slashes at the ends; may be empty
}

// ParseURL checks the URL of a store without touching the store. The error is ErrInvalid and says what is accepted.
func ParseURL(rawURL string) (Location, error) {
	refuse := func(why string) (Location, error) {
		return Location{}, &Error{Op: OpOpen, Object: shown(rawURL), Class: ErrInvalid, Cause: fmt.Errorf("%s", why),
			Hint: "use file:///absolute/path or s3://bucket/prefix"}
	}
	if filepath.IsAbs(rawURL) {
		return Location{Path: filepath.Clean(rawURL)}, nil
	}
	u, err := url.Parse(rawURL)
	switch {
	case err != nil:
		return refuse("is not a URL")
	case u.User != nil:
		return refuse("credentials do not belong in the URL; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return refuse("a query or fragment has no meaning here; write ? and # as %3F and %23")
	case strings.ContainsRune(u.Path, 0):
		return refuse("contains a zero byte")
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" && u.Host != "localhost" {
			return refuse("names the host " + u.Host + "; a folder is written with three slashes")
		}
		if u.Opaque != "" || !filepath.IsAbs(filepath.FromSlash(u.Path)) {
			return refuse("is not an absolute path")
		}
		return Location{Path: filepath.Clean(filepath.FromSlash(u.Path))}, nil
	case "s3":
		if u.Host == "" || u.Opaque != "" {
			return refuse("names no bucket")
		}
		if u.Port() != "" {
			return refuse("a bucket has no port; set the endpoint of the server in the S3 options")
		}
		prefix := strings.Trim(u.Path, "/")
		if prefix != "" {
			if err := CheckKey(prefix); err != nil {
				return refuse(err.Error())
			}
		}
		return Location{Bucket: u.Host, Prefix: prefix}, nil
	case "":
		return refuse("has no scheme")
	default:
		return refuse("scheme " + u.Scheme + " is not supported")
	}
}

// shown keeps a password that somebody wrote into a URL out of errors and logs.
func shown(rawURL string) string {
	if u, err := url.Parse(rawURL); err == nil {
		return u.Redacted()
	}
	return "(unreadable URL)"
}
