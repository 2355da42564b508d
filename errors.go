package tael

import "errors"

// Classes of errors, asked with errors.Is. Every error that crosses a package wraps at most one of them; an error of
// no class is an internal fault.
var (
	// ErrInvalid is the caller's mistake: a value that cannot be read or is out of range. Do not retry.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound says that the object does not exist, and that everything that could hold it was asked.
	ErrNotFound = errors.New("not found")
	// ErrTooLarge is input over a limit that the message names. Do not retry.
	ErrTooLarge = errors.New("too large")
	// ErrOverloaded asks the caller to slow down and to try again; nothing was stored. See RetryAfter.
	ErrOverloaded = errors.New("overloaded")
	// ErrUnavailable says that storage cannot take or give data now; nothing was stored. Retry later.
	ErrUnavailable = errors.New("unavailable")
	// ErrBudget says that the query would read or keep more than its budget. Narrow it.
	ErrBudget = errors.New("over budget")
	// ErrDamaged names stored data that cannot be read back; the rest stays readable.
	ErrDamaged = errors.New("damaged")
	// ErrNewer refuses data that a newer release wrote.
	ErrNewer = errors.New("written by a newer release")
	// ErrClosed says that the store is closed or closing.
	ErrClosed = errors.New("closed")
)
