package tael

import "fmt"

// DefaultTenant is the tenant of requests that name none.
const DefaultTenant = "default"

// CheckTenant accepts 1 to 64 characters of A-Z a-z 0-9 _ . - and nothing that a path would treat as special.
// The error is an ErrInvalid.
func CheckTenant(name string) error {
	ok := len(name) >= 1 && len(name) <= 64 && name != "." && name != ".."
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '-'
	}
	if !ok {
		return fmt.Errorf("tenant %q: %w: want 1 to 64 characters of A-Z a-z 0-9 _ . -", clip(name), ErrInvalid)
	}
	return nil
}
