//! The cells of a table: a CSV or a Parquet file.

use crate::error::Error;
use parquet::{
    basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical},
    file::reader::{FileReader, SerializedFileReader},
    record::{Field, Row},
    schema::types::Type,
};
use slo_core::replay::millis_of_micros;
use std::{
    fs::File,
    io::{Read, Seek},
    path::Path,
    sync::Arc,
};

/// A value of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// There is none.
    Missing,
    /// Text; in a CSV file, every value is text.
    Text(String),
    /// A whole number that is not negative.
    Count(u64),
    /// Any other number.
    Number(f64),
    /// A time in milliseconds since the Unix epoch, and whether it has a time zone.
    Moment(i64, Zoned),
}

/// Whether a time has a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zoned {
    Yes,
    No,
}

/// Calls `head` with the names of the columns, which returns the indexes of the columns to read. Then calls
/// `row` for each row, with its number and its cells in those columns.
pub(super) fn read(
    path: &Path,
    head: impl FnOnce(&[String]) -> Result<Vec<usize>, Error>,
    row: impl FnMut(usize, &[Cell]) -> Result<(), Error>,
) -> Result<(), Error> {
    let failed = |error| Error::file(path, &error);
    let mut file = File::open(path).map_err(failed)?;
    let mut magic = [0; 4];
    let is_parquet = match file.read_exact(&mut magic) {
        Ok(()) => magic == *b"PAR1",
        // Shorter than that.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(failed(error)),
    };
    if is_parquet {
        return read_parquet(path, file, head, row);
    }
    file.rewind().map_err(failed)?;
    read_csv(path, file, head, row)
}

fn read_csv(
    path: &Path,
    file: File,
    head: impl FnOnce(&[String]) -> Result<Vec<usize>, Error>,
    mut row: impl FnMut(usize, &[Cell]) -> Result<(), Error>,
) -> Result<(), Error> {
    let wrong = |error: &csv::Error| Error::Input(format!("{}: {error}", path.display()));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let names: Vec<String> = reader
        .headers()
        .map_err(|error| wrong(&error))?
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').to_owned())
        .collect();
    let places = head(&names)?;
    let mut record = csv::StringRecord::new();
    let mut cells = Vec::with_capacity(places.len());
    while reader.read_record(&mut record).map_err(|error| wrong(&error))? {
        // The head is the first line.
        let line = record.position().map_or(0, csv::Position::record) + 1;
        cells.clear();
        cells.extend(places.iter().map(|place| match record.get(*place) {
            None | Some("") => Cell::Missing,
            Some(text) => Cell::Text(text.to_owned()),
        }));
        row(usize::try_from(line).unwrap_or(usize::MAX), &cells)?;
    }
    Ok(())
}

fn read_parquet(
    path: &Path,
    file: File,
    head: impl FnOnce(&[String]) -> Result<Vec<usize>, Error>,
    mut row: impl FnMut(usize, &[Cell]) -> Result<(), Error>,
) -> Result<(), Error> {
    let wrong = |error: &parquet::errors::ParquetError| Error::Input(format!("{}: {error}", path.display()));
    let reader = SerializedFileReader::new(file).map_err(|error| wrong(&error))?;
    let schema = reader.metadata().file_metadata().schema();
    let names: Vec<String> = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    let places = head(&names)?;
    // The columns in the order of the file, each once; `order` maps the places to them.
    let mut sorted = places.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let fields: Vec<Arc<Type>> =
        sorted.iter().filter_map(|place| schema.get_fields().get(*place).cloned()).collect();
    if let Some(field) = fields.iter().find(|field| !is_readable(field)) {
        return Err(Error::Input(format!(
            "{}: the column `{}` has a type that is not a time, a number or text\n  hint: write it as a \
             number, a timestamp or a string",
            path.display(),
            field.name()
        )));
    }
    let units: Vec<Option<Unit>> = fields.iter().map(|field| Unit::of(field)).collect();
    let wanted = Type::group_type_builder(schema.name()).with_fields(fields).build();
    let wanted = wanted.map_err(|error| wrong(&error))?;
    let order: Vec<usize> = places.iter().map(|place| sorted.binary_search(place).unwrap_or(0)).collect();
    let rows = reader.get_row_iter(Some(wanted)).map_err(|error| wrong(&error))?;
    for (number, found) in rows.enumerate() {
        let found = found.map_err(|error| wrong(&error))?;
        let cells = cells(&found, &units);
        let cells: Vec<Cell> =
            order.iter().map(|place| cells.get(*place).cloned().unwrap_or(Cell::Missing)).collect();
        row(number + 1, &cells)?;
    }
    Ok(())
}

/// Whether the type of a column is supported: no nested types, and fixed-length bytes only for decimals.
fn is_readable(field: &Type) -> bool {
    let is_decimal = || field.get_basic_info().converted_type() == ConvertedType::DECIMAL;
    field.is_primitive() && (field.get_physical_type() != Physical::FIXED_LEN_BYTE_ARRAY || is_decimal())
}

/// The unit of the whole numbers in a timestamp column.
#[derive(Clone, Copy)]
struct Unit {
    unit: TimeUnit,
    zoned: Zoned,
}

impl Unit {
    fn of(field: &Type) -> Option<Self> {
        let LogicalType::Timestamp(timestamp) = field.get_basic_info().logical_type_ref()? else {
            return None;
        };
        Some(Self {
            unit: timestamp.unit,
            zoned: if timestamp.is_adjusted_to_u_t_c { Zoned::Yes } else { Zoned::No },
        })
    }

    fn moment(self, number: i64) -> Cell {
        let micros = match self.unit {
            TimeUnit::MILLIS => number.checked_mul(1_000),
            TimeUnit::MICROS => Some(number),
            TimeUnit::NANOS => Some(number.div_euclid(1_000)),
        };
        let millis = micros.and_then(millis_of_micros);
        // Out of range: keeps the number for the error message.
        millis.map_or_else(
            || Cell::Text(format!("{number} {:?}", self.unit)),
            |millis| Cell::Moment(millis, self.zoned),
        )
    }
}

fn cells(row: &Row, units: &[Option<Unit>]) -> Vec<Cell> {
    let of = |unit, found: Option<Unit>| Unit { unit, zoned: found.map_or(Zoned::Yes, |found| found.zoned) };
    let count = |number: i64| u64::try_from(number).map_or(Cell::Number(number as f64), Cell::Count);
    row.get_column_iter()
        .zip(units)
        .map(|((_, field), unit)| match (field, unit) {
            (Field::Null, _) => Cell::Missing,
            (Field::Long(number), Some(unit)) => unit.moment(*number),
            (Field::TimestampMillis(millis), unit) => of(TimeUnit::MILLIS, *unit).moment(*millis),
            (Field::TimestampMicros(micros), unit) => of(TimeUnit::MICROS, *unit).moment(*micros),
            (Field::Date(days), _) => Cell::Moment(i64::from(*days) * 86_400_000, Zoned::No),
            (Field::Byte(number), _) => count(i64::from(*number)),
            (Field::Short(number), _) => count(i64::from(*number)),
            (Field::Int(number), _) => count(i64::from(*number)),
            (Field::Long(number), None) => count(*number),
            (Field::UByte(number), _) => Cell::Count(u64::from(*number)),
            (Field::UShort(number), _) => Cell::Count(u64::from(*number)),
            (Field::UInt(number), _) => Cell::Count(u64::from(*number)),
            (Field::ULong(number), _) => Cell::Count(*number),
            (Field::Float(number), _) => Cell::Number(f64::from(*number)),
            (Field::Double(number), _) => Cell::Number(*number),
            (Field::Str(text), _) => Cell::Text(text.clone()),
            // Some writers do not mark their text as text.
            (Field::Bytes(bytes), _) => Cell::Text(String::from_utf8_lossy(bytes.data()).into_owned()),
            // A decimal and everything else as it is written.
            (other, _) => Cell::Text(other.to_string()),
        })
        .collect()
}
