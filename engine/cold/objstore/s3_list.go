package objstore

import (
	"context"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// List asks for a page of 1000 keys at a time; the caller's loop runs between the requests.
func (b *bucket) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if bad := checkPrefix(prefix); bad != nil {
			yield(Info{}, &Error{Op: OpList, Object: b.url(""), Cause: bad})
			return
		}
		in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: b.key(prefix)}
		for {
			page, err := b.page(ctx, prefix, in)
			if err != nil {
				yield(Info{}, err)
				return
			}
			for _, o := range page.Contents {
				key, ours := strings.CutPrefix(aws.ToString(o.Key), b.prefix)
				if !ours || refuse(key) != "" {
					continue
				}
				if !yield(Info{Key: key, Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified).UTC()}, nil) {
					return
				}
			}
			if !aws.ToBool(page.IsTruncated) {
				return
			}
			in.ContinuationToken = page.NextContinuationToken
		}
	}
}

// page holds the gate for one request only, because the caller's loop may call Close.
func (b *bucket) page(ctx context.Context, prefix string, in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	if err := cancelled(ctx, OpList, b.url(prefix)); err != nil {
		return nil, err
	}
	if !b.closing.enter() {
		return nil, &Error{Op: OpList, Object: b.url(prefix), Class: ErrClosed}
	}
	defer b.closing.leave()
	page, err := b.client.ListObjectsV2(ctx, in)
	if err != nil {
		return nil, b.fail(ctx, OpList, prefix, err)
	}
	if aws.ToBool(page.IsTruncated) && page.NextContinuationToken == nil {
		return nil, &Error{Op: OpList, Object: b.url(prefix), Class: ErrInvalid, Hint: "the server cuts its list without saying how to go on"}
	}
	return page, nil
}
