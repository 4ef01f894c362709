//! The tables that the codec is made of: each row is a field of the schema, and names the Rust field that it holds.
//!
//! Both directions, and in tests the description that is compared with the published schema, come from the same row. A
//! field or variant that Rust has and a table has not fails the build: patterns are written without `..` and without `_`.

/// A message: its fields as a pattern (`Leg { a, b }`, `(a, b)`, `[a, b]`), and a row a field.
macro_rules! message {
    ($name:literal: $type:ty = $shape:pat => $make:expr, { $($number:literal $field:ident: $kind:ty),* $(,)? }) => {
        impl $crate::proto::kind::Message for $type {
            #[cfg(test)]
            fn describe(schema: &mut $crate::proto::schema::Schema) -> &'static str {
                $crate::proto::tables::describe_fields!(schema, $name, { $($number $field: $kind),* });
                $name
            }

            #[inline]
            fn put_fields(&self, out: &mut Vec<u8>) {
                let $shape = self;
                $(<$kind as $crate::proto::kind::Field<_>>::put($number, $field, out);)*
            }

            #[inline]
            fn take(mut input: $crate::proto::wire::Input<'_>) -> $crate::proto::error::Result<Self> {
                $crate::proto::tables::take_fields!(input, $name, { $($number $field: $kind),* });
                Ok($make)
            }
        }
    };
    ($name:literal: $type:ident { $($number:literal $field:ident: $kind:ty),* $(,)? }) => {
        $crate::proto::tables::message!($name: $type = $type { $($field),* } => $type { $($field),* }, {
            $($number $field: $kind),*
        });
    };
}

/// Reads fields to the end of the input into variables of their names.
macro_rules! take_fields {
    ($input:ident, $name:expr, { $($number:literal $field:ident: $kind:ty),* }) => {
        $(let mut $field = None;)*
        while let Some((number, wire)) = $input.key(&$crate::proto::error::At { message: $name, field: "key" })? {
            match number {
                $($number => <$kind as $crate::proto::kind::Field<_>>::merge(
                    &mut $field,
                    wire,
                    &mut $input,
                    &$crate::proto::error::At { message: $name, field: stringify!($field) },
                )?,)*
                _ => return Err($crate::proto::error::newer_field($name, number)),
            }
        }
        $(let $field = <$kind as $crate::proto::kind::Field<_>>::finish(
            $field,
            &$crate::proto::error::At { message: $name, field: stringify!($field) },
        )?;)*
    };
}

#[cfg(test)]
macro_rules! describe_fields {
    ($schema:ident, $name:expr, { $($number:literal $field:ident: $kind:ty),* }) => {
        if $schema.begin($name) {
            $({
                let kind = <$kind as $crate::proto::kind::Kind>::describe($schema);
                let label = <$kind as $crate::proto::kind::Kind>::LABEL;
                $schema.field($name, $number, stringify!($field), kind, label);
            })*
        }
    };
}

/// A message with one `oneof`, for a Rust enum. A variant is one of
/// `Name = Nothing`, `Name(item: Kind)` and `Name => item: Kind` (the field itself, unnamed or named), `Name { rows }` and
/// `Name[rows]` (a message inside, for a variant with named or with several unnamed fields).
macro_rules! oneof {
    ($name:literal: $type:ident {
        $($number:literal $member:ident: $variant:ident
            $(= $unit:ident)?
            $(($one:ident: $kind:ty))?
            $({ $($fnumber:literal $field:ident: $fkind:ty),* $(,)? } as $inner:literal)?
            $([$($inumber:literal $item:ident: $ikind:ty),* $(,)?] as $list:literal)?
            $(=> $sole:ident: $skind:ty)?
        ),* $(,)?
    }) => {
        impl $crate::proto::kind::Message for $type {
            #[cfg(test)]
            fn describe(schema: &mut $crate::proto::schema::Schema) -> &'static str {
                if schema.begin($name) {
                    $({
                        #[allow(unused_mut, unused_assignments)]
                        let mut kind = None;
                        $(kind = Some($crate::proto::schema::FieldType::Message(
                            <$unit as $crate::proto::kind::Message>::describe(schema),
                        ));)?
                        $(kind = Some(<$kind as $crate::proto::kind::Kind>::describe(schema));)?
                        $(kind = Some(<$skind as $crate::proto::kind::Kind>::describe(schema));)?
                        $(
                            $crate::proto::tables::describe_fields!(schema, $inner, { $($fnumber $field: $fkind),* });
                            kind = Some($crate::proto::schema::FieldType::Message($inner));
                        )?
                        $(
                            $crate::proto::tables::describe_fields!(schema, $list, { $($inumber $item: $ikind),* });
                            kind = Some($crate::proto::schema::FieldType::Message($list));
                        )?
                        let kind = kind.expect("a variant has one form");
                        schema.field($name, $number, stringify!($member), kind, $crate::proto::schema::Label::OneOf);
                    })*
                }
                $name
            }

            #[inline]
            fn put_fields(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $(($one))? $({ $sole })? $({ $($field),* })? $(($($item),*))? => {
                        $($crate::proto::kind::put_one::<_, $crate::proto::kind::Msg<$unit>>($number, &$unit, out);)?
                        $($crate::proto::kind::put_one::<_, $kind>($number, $one, out);)?
                        $($crate::proto::kind::put_one::<_, $skind>($number, $sole, out);)?
                        $(
                            $crate::proto::wire::put_key($number, $crate::proto::wire::Wire::Len, out);
                            $crate::proto::wire::put_nested(out, |out| {
                                $(<$fkind as $crate::proto::kind::Field<_>>::put($fnumber, $field, out);)*
                            });
                        )?
                        $(
                            $crate::proto::wire::put_key($number, $crate::proto::wire::Wire::Len, out);
                            $crate::proto::wire::put_nested(out, |out| {
                                $(<$ikind as $crate::proto::kind::Field<_>>::put($inumber, $item, out);)*
                            });
                        )?
                    })*
                }
            }

            #[inline]
            fn take(mut input: $crate::proto::wire::Input<'_>) -> $crate::proto::error::Result<Self> {
                let mut value = None;
                while let Some((number, wire)) = input.key(&$crate::proto::error::At { message: $name, field: "key" })? {
                    if value.is_some() {
                        return Err($crate::proto::error::At { message: $name, field: "choice" }.repeated());
                    }
                    value = Some(match number {
                        $($number => {
                            #[allow(unused_variables)]
                            let at = &$crate::proto::error::At { message: $name, field: stringify!($member) };
                            $(
                                $crate::proto::kind::take_one::<_, $crate::proto::kind::Msg<$unit>>(
                                    wire, &mut input, at,
                                ).map(|$unit| Self::$variant)?
                            )?
                            $(
                                let $one = $crate::proto::kind::take_one::<_, $kind>(wire, &mut input, at)?;
                                Self::$variant($one)
                            )?
                            $(
                                let $sole = $crate::proto::kind::take_one::<_, $skind>(wire, &mut input, at)?;
                                Self::$variant { $sole }
                            )?
                            $(
                                wire.expect($crate::proto::wire::Wire::Len, at)?;
                                let mut inside = input.nested(at)?;
                                $crate::proto::tables::take_fields!(inside, $inner, { $($fnumber $field: $fkind),* });
                                Self::$variant { $($field),* }
                            )?
                            $(
                                wire.expect($crate::proto::wire::Wire::Len, at)?;
                                let mut inside = input.nested(at)?;
                                $crate::proto::tables::take_fields!(inside, $list, { $($inumber $item: $ikind),* });
                                Self::$variant($($item),*)
                            )?
                        })*
                        _ => return Err($crate::proto::error::newer_field($name, number)),
                    });
                }
                value.ok_or_else(|| $crate::proto::error::At { message: $name, field: "choice" }.missing())
            }
        }
    };
}

/// An enum: the number and name of each value in the schema.
macro_rules! enumeration {
    ($name:literal: $type:ident { $($number:literal $text:literal: $variant:ident),* $(,)? }) => {
        impl $crate::proto::kind::Enumeration for $type {
            #[cfg(test)]
            fn describe(schema: &mut $crate::proto::schema::Schema) -> &'static str {
                schema.enumeration($name, [$(($number, $text.to_owned())),*]);
                $name
            }

            #[inline]
            fn number(self) -> u32 {
                match self { $(Self::$variant => $number,)* }
            }

            #[inline]
            fn from_number(number: u64) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

#[cfg(test)]
pub(super) use describe_fields;
pub(super) use {enumeration, message, oneof, take_fields};
