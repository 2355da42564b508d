package objstore

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// tempPrefix begins the name of a file that is being written in a folder. No key may have such a segment, on any
	// store, so that a half-written file can never be addressed or listed.
	tempPrefix = ".tmp-"

	// maxKeyBytes is the limit of S3 for key and prefix together.
	maxKeyBytes = 1024
	// maxSegmentBytes is the limit of ext4, XFS, APFS and NTFS for one name.
	maxSegmentBytes = 255
)

// CheckKey says why key cannot name an object, or nil. A key is one or more non-empty segments separated by single
// slashes. Refused are: the empty key, a slash at either end, the segments "." and "..", segments that begin with
// ".tmp-", control characters, backslashes, bytes that are not UTF-8, keys over 1024 bytes and segments over 255.
// The error is ErrInvalid.
func CheckKey(key string) error {
	if why := refuse(key); why != "" {
		return fmt.Errorf("key %q: %s: %w", clip(key), why, ErrInvalid)
	}
	return nil
}

// checkPrefix is CheckKey for a prefix of a listing, which may be empty and may end with a slash.
func checkPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	if why := refuse(strings.TrimSuffix(prefix, "/")); why != "" {
		return fmt.Errorf("prefix %q: %s: %w", clip(prefix), why, ErrInvalid)
	}
	return nil
}

func refuse(key string) string {
	switch {
	case key == "":
		return "is empty"
	case len(key) > maxKeyBytes:
		return fmt.Sprintf("is longer than %d bytes", maxKeyBytes)
	case !utf8.ValidString(key):
		return "is not UTF-8"
	case strings.HasPrefix(key, "/"):
		return "is absolute; leave out the leading slash"
	}
	for _, r := range key {
		if r < ' ' || r == 0x7f || r == '\\' {
			return "contains a control character or a backslash"
		}
	}
	for segment := range strings.SplitSeq(key, "/") {
		switch {
		case segment == "":
			return "has an empty segment; use single slashes and none at the end"
		case segment == "." || segment == "..":
			return "leaves its folder; segments \".\" and \"..\" are refused"
		case strings.HasPrefix(segment, tempPrefix):
			return "has a segment that begins with " + tempPrefix + ", which is reserved"
		case len(segment) > maxSegmentBytes:
			return fmt.Sprintf("has a segment longer than %d bytes", maxSegmentBytes)
		}
	}
	return ""
}

// clip keeps a hostile key from flooding a log.
func clip(s string) string {
	if len(s) > 128 {
		return s[:128] + "..."
	}
	return s
}
