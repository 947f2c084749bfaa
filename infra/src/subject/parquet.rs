//! Records as a Parquet file: one column a field; truth values and whole numbers as such, all else as text
//! (JSON, where it has parts).

use std::{fs::File, io, sync::Arc};

use parquet::{
    data_type::{BoolType, ByteArray, ByteArrayType, Int64Type},
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::{parser::parse_message_type, types::Type},
};
use serde_json::{Map, Value};

/// Rows of one group.
const GROUP: usize = 10_000;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Truth,
    Number,
    Text,
}

/// Writes records with these fields, in this order.
///
/// # Errors
/// When the file cannot be written.
pub fn write(file: File, fields: &[String], rows: &[Map<String, Value>]) -> io::Result<()> {
    write_whole(file, fields, rows).map_err(io::Error::other)
}

fn write_whole(
    file: File,
    fields: &[String],
    rows: &[Map<String, Value>],
) -> Result<(), ParquetError> {
    let kinds: Vec<Kind> = fields.iter().map(|field| kind(field, rows)).collect();
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer =
        SerializedFileWriter::new(file, Arc::new(schema(fields, &kinds)?), properties)?;
    for group in rows.chunks(GROUP) {
        let mut groups = writer.next_row_group()?;
        for (field, kind) in fields.iter().zip(&kinds) {
            let Some(mut column) = groups.next_column()? else { break };
            let values = group.iter().map(|row| row.get(field).filter(|value| !value.is_null()));
            let there: Vec<i16> = values.clone().map(|value| i16::from(value.is_some())).collect();
            let values = values.flatten();
            match kind {
                Kind::Truth => {
                    let values: Vec<bool> = values.filter_map(Value::as_bool).collect();
                    column.typed::<BoolType>().write_batch(&values, Some(&there), None)?;
                }
                Kind::Number => {
                    let values: Vec<i64> = values.filter_map(Value::as_i64).collect();
                    column.typed::<Int64Type>().write_batch(&values, Some(&there), None)?;
                }
                Kind::Text => {
                    let values: Vec<ByteArray> = values.map(text).collect();
                    column.typed::<ByteArrayType>().write_batch(&values, Some(&there), None)?;
                }
            }
            column.close()?;
        }
        groups.close()?;
    }
    writer.close()?;
    Ok(())
}

fn kind(field: &str, rows: &[Map<String, Value>]) -> Kind {
    let mut values = rows.iter().filter_map(|row| row.get(field)).filter(|it| !it.is_null());
    let mut all = values.clone();
    if all.next().is_none() {
        Kind::Text
    } else if values.clone().all(Value::is_boolean) {
        Kind::Truth
    } else if values.all(|it| it.as_i64().is_some()) {
        Kind::Number
    } else {
        Kind::Text
    }
}

fn text(value: &Value) -> ByteArray {
    match value {
        Value::String(text) => ByteArray::from(text.as_str()),
        other => ByteArray::from(other.to_string().into_bytes()),
    }
}

fn schema(fields: &[String], kinds: &[Kind]) -> Result<Type, ParquetError> {
    let mut message = String::from("message record {\n");
    for (field, kind) in fields.iter().zip(kinds) {
        let kind = match kind {
            Kind::Truth => "BOOLEAN",
            Kind::Number => "INT64",
            Kind::Text => "BYTE_ARRAY",
        };
        let as_text = if kind == "BYTE_ARRAY" { " (UTF8)" } else { "" };
        message.push_str(&format!("  OPTIONAL {kind} {field}{as_text};\n"));
    }
    message.push('}');
    parse_message_type(&message)
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let rows: Vec<Map<String, Value>> = [
            json!({"id": "a", "given": true, "count": 7, "parts": {"x": [1]}}),
            json!({"id": "b", "given": null, "count": -1, "parts": "withheld"}),
        ]
        .iter()
        .filter_map(|row| row.as_object().cloned())
        .collect();
        let fields = ["id", "given", "count", "parts", "never"].map(str::to_owned);
        write(File::create(&path).unwrap(), &fields, &rows).unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), 2);
        let read: Vec<String> =
            reader.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
        assert!(read[0].contains("id: \"a\", given: true, count: 7"), "{read:?}");
        assert!(read[0].contains(r#"parts: "{"x":[1]}""#), "{read:?}");
        assert!(read[1].contains("given: null, count: -1, parts: \"withheld\", never: null"));
    }

    #[test]
    fn there_may_be_no_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none.parquet");
        write(File::create(&path).unwrap(), &["id".to_owned()], &[]).unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    }
}
