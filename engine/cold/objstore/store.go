// Package objstore is the lowest step of the cold tier: named, immutable-by-convention objects on a local folder or in an
// S3 bucket. Parquet files, manifests and table metadata leave the process here and come back here; everything above
// speaks of keys and bytes, and no AWS type or file handle leaves this package.
//
// Both stores keep one contract (see Store), and one acceptance suite, internal/testkit/objstoretest, holds them to it.
package objstore

import (
	"context"
	"io"
	"iter"
	"time"
)

// Store is the seam between the cold tier and where its bytes live. Open makes one.
//
// Keys are slash-separated, relative and UTF-8, for example "spans/data/tenant=a/0001.parquet"; see CheckKey for what is
// refused. Two keys of which one is a folder of the other ("a" and "a/b") must not both be stored: a folder cannot hold
// them.
//
// Every method may be called from many goroutines at once. There is no order between concurrent calls; a call that
// starts after another has returned sees its effect.
//
// Buffers: a returned slice belongs to the caller. A slice or reader that is passed in is used until the call returns and
// never after.
//
// Durability: when Put, PutIfAbsent or Delete returns nil, the effect survives a power cut (as far as the disk or the
// bucket keeps its word). When one of them returns an error, the effect may or may not have taken place (a reply can be
// lost), but an object is always whole: the old bytes, the new bytes, or absent.
//
// Errors are of type *Error and of one class, asked with errors.Is: ErrNotFound, ErrExists, ErrUnavailable (with its
// special cases ErrDenied, ErrFull and ErrNoStore), ErrDamaged, ErrInvalid, ErrClosed. A cancelled or expired context
// is also visible as context.Canceled or context.DeadlineExceeded. ErrNotFound is only ever said of the object: a
// bucket or folder that is gone is ErrNoStore.
type Store interface {
	// Get returns the whole object, or ErrNotFound.
	Get(ctx context.Context, key string) ([]byte, error)

	// GetRange returns exactly n bytes from offset off. If the object ends before off+n it returns an error that is
	// io.ErrUnexpectedEOF; if there is no object, ErrNotFound. off and n must not be negative.
	GetRange(ctx context.Context, key string, off, n int64) ([]byte, error)

	// Put stores everything that r yields under key, replacing what was there, and returns the number of bytes read
	// from r. Readers see the old object or the new one, never a part. An error of r is returned wrapped and nothing is
	// stored.
	Put(ctx context.Context, key string, r io.Reader) (size int64, err error)

	// PutIfAbsent stores data under key unless the key exists. Of concurrent callers with different data exactly one
	// wins and the others get ErrExists; the object of the winner is durable before any of them returns.
	//
	// If the key already holds exactly the same bytes the call succeeds: that is what a retry finds after a reply was
	// lost. A caller that must tell its own object from an equal one of somebody else puts something unique into data.
	PutIfAbsent(ctx context.Context, key string, data []byte) error

	// Delete removes the object. Removing what is not there is no error.
	Delete(ctx context.Context, key string) error

	// List yields the objects whose key begins with prefix ("" for all), in ascending order of the bytes of the key.
	// It is not a snapshot: an object put or deleted meanwhile may or may not appear. Objects whose key CheckKey would
	// refuse are left out. After an error the sequence ends.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]

	// Stat returns size and time of the object, or ErrNotFound.
	Stat(ctx context.Context, key string) (Info, error)

	// Close releases handles and connections. Calls that begin after Close get ErrClosed. Closing twice is no error.
	Close() error
}

// Info describes one object.
type Info struct {
	// Key is the key as given to Put, without the location of the store.
	Key string
	// Size is the number of bytes.
	Size int64
	// Modified is the time of the last Put by the clock of the file system or the bucket, in UTC. S3 keeps whole seconds.
	Modified time.Time
}

// Names of operations, as in Error.Op and as told to an Observer. A folder is observed once for each call of the Store.
// For S3 each HTTP request is observed, retries included, so that the counts are what a bill or a server log would show;
// the upload of a large object is several requests.
const (
	OpOpen        = "open"
	OpGet         = "get"
	OpGetRange    = "get_range"
	OpPut         = "put"
	OpPutIfAbsent = "put_if_absent"
	OpDelete      = "delete"
	OpList        = "list"
	OpStat        = "stat"

	// Only observed on S3, when Put uploads in parts.
	OpUploadCreate   = "upload_create"
	OpUploadPart     = "upload_part"
	OpUploadComplete = "upload_complete"
	OpUploadAbort    = "upload_abort"
)

// Observer is told of each finished operation: its name, the bytes of content read or written, how long it took and how
// it ended. The error may be asked with errors.Is like one that a Store returns; ErrNotFound and ErrExists are ordinary
// answers, not failures. It is called on the path of the request, from many goroutines, and must be quick.
type Observer func(op string, bytes int64, d time.Duration, err error)
