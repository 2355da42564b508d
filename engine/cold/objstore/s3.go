package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// bucket keeps each object in an S3 bucket under prefix/key.
type bucket struct {
	name      string
	prefix    string // "" or ends with a slash
	client    *s3.Client
	transport *http.Transport
	upload    *transfermanager.Client
	opts      S3Options
	closing   gate
}

var _ Store = (*bucket)(nil)

func openBucket(ctx context.Context, name, prefix string, so S3Options, o options) (Store, error) {
	b := &bucket{name: name, opts: so.withDefaults()}
	if prefix != "" {
		b.prefix = prefix + "/"
	}
	if err := so.Validate(); err != nil {
		return nil, &Error{Op: OpOpen, Object: b.url(""), Cause: err}
	}
	client, cfg, transport, err := newClient(ctx, b.opts, o)
	if err != nil {
		return nil, &Error{Op: OpOpen, Object: b.url(""), Cause: err}
	}
	if cfg.Region == "" {
		return nil, &Error{Op: OpOpen, Object: b.url(""), Class: ErrInvalid, Cause: errors.New("the region is not known"),
			Hint: "set the S3 region or AWS_REGION, or an endpoint"}
	}
	if cfg.Credentials != nil {
		if _, err := cfg.Credentials.Retrieve(ctx); err != nil && ctx.Err() == nil {
			return nil, &Error{Op: OpOpen, Object: b.url(""), Class: ErrDenied, Cause: errors.New(err.Error()),
				Hint: "no credentials found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role"}
		}
	}
	b.client, b.transport = client, transport
	b.upload = newUploader(client, cfg, b.opts)
	if err := b.checkBucket(ctx, OpOpen); err != nil {
		transport.CloseIdleConnections()
		return nil, err
	}
	return b, nil
}

// checkBucket asks for one key. Unlike HEAD, the answer has a body that says what is wrong.
func (b *bucket) checkBucket(ctx context.Context, op string) error {
	_, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: &b.name, Prefix: &b.prefix, MaxKeys: aws.Int32(1),
	})
	err = b.fail(ctx, op, "", err)
	if errors.Is(err, ErrNotFound) {
		// A list has no object to miss: something that is not S3 answered.
		var e *Error
		if errors.As(err, &e) {
			e.Class, e.Hint = ErrNoStore, "the endpoint does not know the bucket; check that it is an S3 server"
		}
	}
	return err
}

func (b *bucket) url(key string) string {
	return (&url.URL{Scheme: "s3", Host: b.name, Path: "/" + b.prefix + key}).String()
}

func (b *bucket) key(key string) *string { return aws.String(b.prefix + key) }

// begin checks what every call checks first; if it returns nil the caller leaves the gate.
func (b *bucket) begin(ctx context.Context, op, key string) error {
	bad := CheckKey(key)
	if bad == nil && len(b.prefix)+len(key) > maxKeyBytes {
		bad = fmt.Errorf("key and prefix are longer than %d bytes: %w", maxKeyBytes, ErrInvalid)
	}
	if bad != nil {
		return &Error{Op: op, Object: b.url(""), Cause: bad}
	}
	if err := cancelled(ctx, op, b.url(key)); err != nil {
		return err
	}
	if !b.closing.enter() {
		return &Error{Op: op, Object: b.url(key), Class: ErrClosed}
	}
	return nil
}

func (b *bucket) Get(ctx context.Context, key string) ([]byte, error) {
	if err := b.begin(ctx, OpGet, key); err != nil {
		return nil, err
	}
	defer b.closing.leave()
	return b.read(ctx, OpGet, key, func() (*s3.GetObjectInput, int64) {
		return &s3.GetObjectInput{Bucket: &b.name, Key: b.key(key)}, -1
	})
}

func (b *bucket) GetRange(ctx context.Context, key string, off, n int64) ([]byte, error) {
	if err := b.begin(ctx, OpGetRange, key); err != nil {
		return nil, err
	}
	defer b.closing.leave()
	if err := checkRange(off, n); err != nil {
		return nil, &Error{Op: OpGetRange, Object: b.url(key), Cause: err}
	}
	if n == 0 {
		return b.emptyRange(ctx, key, off)
	}
	return b.read(ctx, OpGetRange, key, func() (*s3.GetObjectInput, int64) {
		span := fmt.Sprintf("bytes=%d-%d", off, off+n-1)
		return &s3.GetObjectInput{Bucket: &b.name, Key: b.key(key), Range: &span}, n
	})
}

// emptyRange answers for no bytes, which HTTP cannot ask for.
func (b *bucket) emptyRange(ctx context.Context, key string, off int64) ([]byte, error) {
	info, err := b.stat(ctx, OpGetRange, key)
	if err != nil {
		return nil, err
	}
	if off > info.Size {
		return nil, &Error{Op: OpGetRange, Object: b.url(key), Cause: shortObject(off, 0, info.Size)}
	}
	return []byte{}, nil
}

// read gets an object or a range of want bytes (-1 for the whole object). The SDK retries until the answer begins; a body
// that breaks off is asked for again here, as often as any request is.
func (b *bucket) read(ctx context.Context, op, key string, ask func() (in *s3.GetObjectInput, want int64)) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		in, want := ask()
		out, err := b.client.GetObject(ctx, in)
		if err != nil {
			var answer interface{ HTTPStatusCode() int }
			if want > 0 && errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusRequestedRangeNotSatisfiable {
				return nil, &Error{Op: op, Object: b.url(key), Cause: fmt.Errorf("%s: the object ends before: %w", *in.Range, io.ErrUnexpectedEOF)}
			}
			return nil, b.fail(ctx, op, key, err)
		}
		data, err := readBody(out, want)
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, ErrInvalid) {
			if err != nil {
				return nil, &Error{Op: op, Object: b.url(key), Cause: err}
			}
			return data, nil
		}
		if attempt >= b.opts.MaxAttempts || ctx.Err() != nil {
			err = b.fail(ctx, op, key, err)
			var e *Error
			if errors.As(err, &e) && strings.Contains(e.Error(), "checksum did not match") {
				e.Class, e.Hint = ErrDamaged, "the object is damaged in the bucket; restore it"
			}
			return nil, err
		}
		pause(ctx, attempt, b.opts.MaxBackoff)
	}
}

// readBody returns the bytes of an answer. io.ErrUnexpectedEOF means that the object is too short, ErrInvalid that the
// server did not do as asked; any other error that the connection broke.
func readBody(out *s3.GetObjectOutput, want int64) (data []byte, err error) {
	defer func() {
		if cerr := out.Body.Close(); err == nil {
			err = cerr
		}
	}()
	if out.ContentLength == nil && want < 0 {
		if data, err = io.ReadAll(out.Body); err != nil {
			return nil, fmt.Errorf("the answer broke off: %v", err)
		}
		return data, nil
	}
	size := aws.ToInt64(out.ContentLength)
	if want >= 0 {
		if out.ContentRange == nil {
			return nil, fmt.Errorf("the server ignores ranges and sent the whole object: %w", ErrInvalid)
		}
		if size < want {
			return nil, fmt.Errorf("%s has %d bytes of the %d wanted: %w", *out.ContentRange, size, want, io.ErrUnexpectedEOF)
		}
		size = want
	}
	data = make([]byte, size)
	if _, err = io.ReadFull(out.Body, data); err != nil {
		// Not wrapped: here an unexpected end is the connection's, not the object's.
		return nil, fmt.Errorf("the answer broke off: %v", err)
	}
	if want < 0 {
		// Reading on to the end lets the SDK compare the checksum.
		if _, err := io.Copy(io.Discard, out.Body); err != nil {
			return nil, fmt.Errorf("the answer broke off: %v", err)
		}
	}
	return data, nil
}

// pause waits before attempt+1, a random time that grows with attempt, or until ctx is done.
func pause(ctx context.Context, attempt int, limit time.Duration) {
	longest := min(limit, 50*time.Millisecond<<min(attempt, 10))
	timer := time.NewTimer(rand.N(longest + 1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (b *bucket) Stat(ctx context.Context, key string) (Info, error) {
	if err := b.begin(ctx, OpStat, key); err != nil {
		return Info{}, err
	}
	defer b.closing.leave()
	info, err := b.stat(ctx, OpStat, key)
	return info, err
}

func (b *bucket) stat(ctx context.Context, op, key string) (Info, error) {
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: b.key(key)})
	var absent *types.NotFound
	if errors.As(err, &absent) {
		// The answer to HEAD has no body, so a missing bucket looks like a missing object.
		if err := b.checkBucket(ctx, op); err != nil {
			return Info{}, err
		}
		return Info{}, &Error{Op: op, Object: b.url(key), Class: ErrNotFound}
	}
	if err != nil {
		return Info{}, b.fail(ctx, op, key, err)
	}
	return Info{Key: key, Size: aws.ToInt64(out.ContentLength), Modified: aws.ToTime(out.LastModified).UTC()}, nil
}

// Close waits for calls that run and closes idle connections.
func (b *bucket) Close() error {
	b.closing.shut()
	b.transport.CloseIdleConnections()
	return nil
}
