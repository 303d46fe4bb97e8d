package listener

import "encoding/json"

// Maybe is a value that may be unknown. A value that a tier cannot know stays unknown all
// the way to the screen: it is shown as "-" and is null in JSON, never 0.
type Maybe[T any] struct {
	value T
	known bool
}

// Known wraps a value that is known.
func Known[T any](v T) Maybe[T] { return Maybe[T]{value: v, known: true} }

// Get returns the value and whether it is known.
func (m Maybe[T]) Get() (T, bool) { return m.value, m.known }

// Or returns the value, or other where it is unknown.
func (m Maybe[T]) Or(other T) T {
	if m.known {
		return m.value
	}
	return other
}

// IsKnown says whether there is a value.
func (m Maybe[T]) IsKnown() bool { return m.known }

// MarshalJSON gives null for the unknown.
func (m Maybe[T]) MarshalJSON() ([]byte, error) {
	if !m.known {
		return []byte("null"), nil
	}
	return json.Marshal(m.value)
}

// UnmarshalJSON reads null as unknown.
func (m *Maybe[T]) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*m = Maybe[T]{}
		return nil
	}
	if err := json.Unmarshal(b, &m.value); err != nil {
		return err
	}
	m.known = true
	return nil
}
