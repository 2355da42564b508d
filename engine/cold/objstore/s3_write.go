package objstore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func newUploader(client *s3.Client, cfg aws.Config, o S3Options) *transfermanager.Client {
	return transfermanager.New(client, func(to *transfermanager.Options) {
		to.PartSizeBytes = o.PartSize
		to.MultipartUploadThreshold = o.PartSize
		to.Concurrency = o.Parallel
		// Some servers refuse the newer checksum headers; AWS_REQUEST_CHECKSUM_CALCULATION=when_required is for them.
		to.RequestChecksumCalculation = cfg.RequestChecksumCalculation
		// The parts of an upload whose caller gave up are still removed.
		to.FailTimeout = max(o.ConnectTimeout, 5*time.Second)
	})
}

// Put sends a small object in one request and a larger one in parts. S3 shows an object only when it is complete, and
// keeps it before it answers.
func (b *bucket) Put(ctx context.Context, key string, r io.Reader) (int64, error) {
	if err := b.begin(ctx, OpPut, key); err != nil {
		return 0, err
	}
	defer b.closing.leave()
	body := &countedReader{ctx: ctx, r: r}
	_, err := b.upload.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: &b.name, Key: b.key(key), Body: body})
	if body.err != nil && err != nil && ctx.Err() == nil {
		return 0, &Error{Op: OpPut, Object: b.url(key), Cause: sourceError{body.err}, Hint: "nothing was stored"}
	}
	if err != nil {
		return 0, b.fail(ctx, OpPut, key, err)
	}
	return body.n, nil
}

// countedReader counts and keeps the reader's own error apart from those of the upload.
type countedReader struct {
	ctx context.Context
	r   io.Reader
	n   int64
	err error
}

func (c *countedReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// PutIfAbsent is one conditional request. The SDK may send it again after a lost answer and then find the object of its
// own first try; equal bytes are therefore a success.
func (b *bucket) PutIfAbsent(ctx context.Context, key string, data []byte) error {
	if err := b.begin(ctx, OpPutIfAbsent, key); err != nil {
		return err
	}
	defer b.closing.leave()
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: b.key(key), Body: bytes.NewReader(data), IfNoneMatch: aws.String("*"),
	})
	err = b.fail(ctx, OpPutIfAbsent, key, err)
	if !errors.Is(err, ErrExists) {
		return err
	}
	found, rerr := b.read(ctx, OpPutIfAbsent, key, func() (*s3.GetObjectInput, int64) {
		return &s3.GetObjectInput{Bucket: &b.name, Key: b.key(key)}, -1
	})
	switch {
	case rerr == nil && bytes.Equal(found, data):
		return nil
	case rerr == nil || errors.Is(rerr, ErrNotFound): // other bytes, or removed since
		return err
	default:
		return rerr
	}
}

// Delete is one request; S3 answers the same whether the object was there or not.
func (b *bucket) Delete(ctx context.Context, key string) error {
	if err := b.begin(ctx, OpDelete, key); err != nil {
		return err
	}
	defer b.closing.leave()
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: b.key(key)})
	if err = b.fail(ctx, OpDelete, key, err); errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
