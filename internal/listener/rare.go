package listener

// Rare is a Maybe that is unknown of most listeners, of which a host may have a hundred
// thousand: it takes the room of a pointer then. Two of them are not to be compared with ==.
type Rare[T any] struct{ value *T }

// Rarely wraps a value that is known.
func Rarely[T any](v T) Rare[T] { return Rare[T]{&v} }

// Get returns the value and whether it is known.
func (r Rare[T]) Get() (v T, known bool) {
	if r.value == nil {
		return v, false
	}
	return *r.value, true
}

// Or returns the value, or other where it is unknown.
func (r Rare[T]) Or(other T) T { return r.Maybe().Or(other) }

// IsKnown says whether there is a value.
func (r Rare[T]) IsKnown() bool { return r.value != nil }

// Maybe is the same, where there is room.
func (r Rare[T]) Maybe() Maybe[T] {
	v, known := r.Get()
	return Maybe[T]{v, known}
}

// Rare is the same in little room.
func (m Maybe[T]) Rare() Rare[T] {
	if !m.known {
		return Rare[T]{}
	}
	return Rarely(m.value)
}

// MarshalJSON gives null for the unknown.
func (r Rare[T]) MarshalJSON() ([]byte, error) { return r.Maybe().MarshalJSON() }

// UnmarshalJSON reads null as unknown.
func (r *Rare[T]) UnmarshalJSON(b []byte) error {
	var m Maybe[T]
	if err := m.UnmarshalJSON(b); err != nil {
		return err
	}
	*r = m.Rare()
	return nil
}

// Count is a Maybe[uint64] in half of its room. The highest number that it can tell is one
// less than the highest there is.
type Count struct{ next uint64 } // 0: unknown

// Counted wraps a number that is known.
func Counted(n uint64) Count { return Count{n + 1} }

// Get returns the number and whether it is known.
func (c Count) Get() (uint64, bool) { return max(c.next, 1) - 1, c.next != 0 }

// Or returns the number, or other where it is unknown.
func (c Count) Or(other uint64) uint64 { return c.Maybe().Or(other) }

// IsKnown says whether there is a number.
func (c Count) IsKnown() bool { return c.next != 0 }

// Maybe is the same, as it is told.
func (c Count) Maybe() Maybe[uint64] {
	n, known := c.Get()
	return Maybe[uint64]{n, known}
}

// CountOf is the same in little room.
func CountOf(m Maybe[uint64]) Count {
	if n, known := m.Get(); known {
		return Counted(n)
	}
	return Count{}
}

// MarshalJSON gives null for the unknown.
func (c Count) MarshalJSON() ([]byte, error) { return c.Maybe().MarshalJSON() }

// UnmarshalJSON reads null as unknown.
func (c *Count) UnmarshalJSON(b []byte) error {
	var m Maybe[uint64]
	if err := m.UnmarshalJSON(b); err != nil {
		return err
	}
	*c = CountOf(m)
	return nil
}
