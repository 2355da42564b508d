package objstore

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
)

// fail wraps what the SDK said with operation, object, class and hint. The SDK's error itself stays here: only its text
// goes on, so that no caller can come to depend on AWS types.
func (b *bucket) fail(ctx context.Context, op, key string, err error) error {
	if err == nil {
		return nil
	}
	if ended := cancelled(ctx, op, b.url(key)); ended != nil {
		return ended
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	e := &Error{Op: op, Object: b.url(key), Cause: errors.New(err.Error())}
	e.Hint, e.Class = classify(err)
	if errors.Is(e.Class, ErrNoStore) {
		e.Hint = "create the bucket " + b.name + " or correct the URL and the endpoint"
	}
	return e
}

// classify gives the class of an error of the SDK and what to do about it. What has no HTTP answer did not reach the
// server, or its answer did not reach us.
func classify(err error) (hint string, class error) {
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "NoSuchKey":
			return "", ErrNotFound
		case "NoSuchBucket":
			return "", ErrNoStore
		case "PreconditionFailed":
			return "read the object and decide again", ErrExists
		case "NoSuchUpload":
			return "an earlier try may have stored the object, or the server dropped the parts; put it again", ErrUnavailable
		case "InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthorizationHeaderMalformed", "InvalidToken", "XAdminUserNotFound":
			return "check access key, secret key and region", ErrDenied
		case "ExpiredToken", "ExpiredTokenException":
			return "renew the session credentials", ErrDenied
		case "RequestTimeTooSkewed":
			return "set the clock of this machine or of the server", ErrDenied
		case "PermanentRedirect", "IllegalLocationConstraintException":
			return "the bucket is in another region; set the S3 region or endpoint", ErrInvalid
		case "InvalidBucketName":
			return "correct the bucket's name in the URL", ErrInvalid
		case "BadDigest", "XAmzContentSHA256Mismatch", "InvalidDigest":
			return "the data changed on the way to the server; try again, and check memory and network if it stays", ErrUnavailable
		case "XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage":
			return "free space on the server or shorten the retention", ErrFull
		}
	}
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) && answer.HTTPStatusCode() > 0 {
		switch status := answer.HTTPStatusCode(); {
		case status == http.StatusUnauthorized, status == http.StatusForbidden:
			return "allow this key to list the bucket and to get, put and delete objects under the prefix", ErrDenied
		case status == http.StatusNotFound:
			return "", ErrNotFound
		case status == http.StatusInsufficientStorage:
			return "free space on the server or shorten the retention", ErrFull
		case status >= 300 && status < 400:
			return "the bucket is in another region or behind another endpoint; set the S3 region or endpoint", ErrInvalid
		case status >= 500, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status == http.StatusConflict:
			return "the server answers that it cannot; try again later", ErrUnavailable
		default:
			return "", nil
		}
	}
	if strings.Contains(err.Error(), "certificate") {
		return "the server's certificate is not trusted; set the S3 CA file or the right host name", ErrUnavailable
	}
	return "the S3 server cannot be reached; check endpoint, network and that it runs", ErrUnavailable
}
