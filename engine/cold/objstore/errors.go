package objstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/taeldb/tael"
)

// Classes of errors. ErrNotFound is not the root package's class of that name on purpose: a data file that is missing is
// a fault of the store, and must not reach a client as "no such trace".
var (
	// ErrNotFound says that no object has the key.
	ErrNotFound = errors.New("object not found")
	// ErrExists says that PutIfAbsent found an object with other bytes.
	ErrExists = errors.New("object exists")

	// ErrUnavailable says that the store cannot answer now; trying again later can help without any change of ours.
	ErrUnavailable = tael.ErrUnavailable
	// ErrDenied is ErrUnavailable because credentials or permissions do not suffice: an operator has to act.
	ErrDenied = fmt.Errorf("access denied: %w", tael.ErrUnavailable)
	// ErrFull is ErrUnavailable because there is no space left.
	ErrFull = fmt.Errorf("no space left: %w", tael.ErrUnavailable)
	// ErrNoStore is ErrUnavailable because the bucket or folder itself is not there.
	ErrNoStore = fmt.Errorf("bucket or folder missing: %w", tael.ErrUnavailable)

	// ErrDamaged says that the stored bytes do not match their checksum.
	ErrDamaged = tael.ErrDamaged
	// ErrInvalid is a key, range, URL or option that cannot be used. Do not retry.
	ErrInvalid = tael.ErrInvalid
	// ErrClosed says that the store was closed.
	ErrClosed = tael.ErrClosed
)

// Error is what every method of a Store and Open return: what was done to which object, why it failed and what to do.
type Error struct {
	Op     string // one of the Op constants
	Object string // URL of the object or of the store
	Class  error  // one of the Err variables, or nil
	Cause  error  // what the system below said, or nil
	Hint   string // what to do, or ""
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "object store: %s %s", e.Op, e.Object)
	if e.Class != nil {
		fmt.Fprintf(&b, ": %v", e.Class)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, " (%s)", e.Hint)
	}
	return b.String()
}

// Unwrap gives errors.Is the class and the cause.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Class != nil {
		errs = append(errs, e.Class)
	}
	if e.Cause != nil {
		errs = append(errs, e.Cause)
	}
	return errs
}

// cancelled is the error for a context that is done, or nil if it is not.
func cancelled(ctx context.Context, op, object string) error {
	if ctx.Err() == nil {
		return nil
	}
	cause := ctx.Err()
	if why := context.Cause(ctx); !errors.Is(why, cause) {
		cause = fmt.Errorf("%w: %w", cause, why)
	}
	return &Error{Op: op, Object: object, Cause: cause, Hint: "the caller's deadline passed or it gave up"}
}
