package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
)

// observedTransport tells the observer of each HTTP request that really left, retries included. A request is over when
// its answer's body has been read or given up.
type observedTransport struct {
	next    http.RoundTripper
	observe Observer
	now     func() time.Time
	hook    func(step string)
}

func (t *observedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	start := t.now()
	op := requestOp(req)
	part := uploadSteps[op]
	if part != "" {
		t.hook(part + ".before")
	}
	resp, err := t.next.RoundTrip(req)
	if part != "" && err == nil && resp.StatusCode < 300 {
		t.hook(part + ".after")
	}
	if err != nil {
		t.observe(op, 0, t.now().Sub(start), requestError(req.Context(), err))
		return nil, err
	}
	body := &observedBody{ReadCloser: resp.Body, report: func(read int64, err error) {
		bytes := int64(0)
		switch {
		case op == OpGet || op == OpGetRange:
			bytes = read
		case req.ContentLength > 0:
			bytes = req.ContentLength
		}
		t.observe(op, bytes, t.now().Sub(start), errors.Join(statusError(op, resp.StatusCode), err))
	}}
	resp.Body = body
	if resp.Body == http.NoBody || req.Method == http.MethodHead {
		body.done(nil)
	}
	return resp, nil
}

// requestOp names a request as the Store would.
func requestOp(req *http.Request) string {
	switch name := awsmiddleware.GetOperationName(req.Context()); name {
	case "GetObject":
		if req.Header.Get("Range") != "" {
			return OpGetRange
		}
		return OpGet
	case "PutObject":
		if req.Header.Get("If-None-Match") != "" {
			return OpPutIfAbsent
		}
		return OpPut
	case "HeadObject":
		return OpStat
	case "ListObjectsV2":
		return OpList
	case "DeleteObject":
		return OpDelete
	case "CreateMultipartUpload":
		return OpUploadCreate
	case "UploadPart":
		return OpUploadPart
	case "CompleteMultipartUpload":
		return OpUploadComplete
	case "AbortMultipartUpload":
		return OpUploadAbort
	default:
		return name
	}
}

func requestError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %v", ErrUnavailable, err)
}

// statusError is the class of an HTTP status, for the observer.
func statusError(op string, status int) error {
	switch {
	case status < 300:
		return nil
	case status == http.StatusNotFound && (op == OpGet || op == OpGetRange || op == OpStat):
		return ErrNotFound
	case status == http.StatusPreconditionFailed && op == OpPutIfAbsent:
		return ErrExists
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return ErrDenied
	case status == http.StatusInsufficientStorage:
		return ErrFull
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusConflict:
		return fmt.Errorf("%w: HTTP status %d", ErrUnavailable, status)
	default:
		return fmt.Errorf("HTTP status %d", status)
	}
}

// observedBody reports once, at the end of the body, at an error or when it is closed.
type observedBody struct {
	io.ReadCloser
	report func(read int64, err error)
	read   int64
	told   bool
}

func (b *observedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	switch {
	case err == io.EOF:
		b.done(nil)
	case err != nil:
		b.done(fmt.Errorf("%w: reading the answer: %v", ErrUnavailable, err))
	}
	return n, err
}

func (b *observedBody) Close() error {
	err := b.ReadCloser.Close()
	b.done(nil)
	return err
}

func (b *observedBody) done(err error) {
	if !b.told {
		b.told = true
		b.report(b.read, err)
	}
}
