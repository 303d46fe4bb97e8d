package listener

// Rare is a Maybe that most listeners do not know: it then takes the room of a pointer, and a
// host may have a hundred thousand listeners. Two of them are not to be compared with ==.
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

// Maybe gives the same value as a Maybe.
func (r Rare[T]) Maybe() Maybe[T] {
	v, known := r.Get()
	return Maybe[T]{v, known}
}

// Rare gives the same value as a Rare.
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

// Count is a Maybe[uint64] in half of its room. The highest number that it can hold is one
// less than the highest uint64.
type Count struct{ next uint64 } // 0: unknown

// Counted wraps a number that is known.
func Counted(n uint64) Count { return Count{n + 1} }

// Get returns the number and whether it is known.
func (c Count) Get() (uint64, bool) { return max(c.next, 1) - 1, c.next != 0 }

// Or returns the number, or other where it is unknown.
func (c Count) Or(other uint64) uint64 { return c.Maybe().Or(other) }

// IsKnown says whether there is a number.
func (c Count) IsKnown() bool { return c.next != 0 }

// Maybe gives the same number as a Maybe.
func (c Count) Maybe() Maybe[uint64] {
	n, known := c.Get()
	return Maybe[uint64]{n, known}
}

// CountOf gives the same number as a Count.
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
