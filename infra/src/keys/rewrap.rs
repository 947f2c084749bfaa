//! Replacing the key-encryption key.

use super::{Keys, KeysError, store::name};

/// How many keys are wrapped anew in one transaction.
const PAGE: i64 = 500;

/// A wrapped key.
#[derive(sqlx::FromRow)]
struct Wrapped {
    subject: String,
    number: i32,
    wrapped: Vec<u8>,
    commitment: Vec<u8>,
}

impl Keys {
    /// Wraps all keys by the newest key-encryption key that older ones of the file still wrap, and says
    /// how many. No event is touched. `progress` is told how many are done; what is done stays done, so
    /// it can be stopped and started again, beside running services.
    ///
    /// # Errors
    /// When the key store does not answer, or a key cannot be unwrapped.
    pub async fn rewrap(&self, mut progress: impl FnMut(u64)) -> Result<u64, KeysError> {
        let mut done = 0;
        let older: Vec<&str> = self.kek.ids().filter(|id| *id != self.kek.id()).collect();
        for id in older {
            loop {
                let wrapped = self.rewrap_page(id).await?;
                if wrapped == 0 {
                    break;
                }
                done += wrapped;
                progress(done);
            }
        }
        Ok(done)
    }

    async fn rewrap_page(&self, kek: &str) -> Result<u64, KeysError> {
        let mut transaction = self.pool.begin().await?;
        let rows: Vec<Wrapped> = sqlx::query_as(
            "SELECT subject, number, wrapped, commitment FROM annals_keys.subject_keys
             WHERE kek_id = $1 ORDER BY subject, number LIMIT $2 FOR UPDATE",
        )
        .bind(kek)
        .bind(PAGE)
        .fetch_all(&mut *transaction)
        .await?;
        let (mut subjects, mut numbers, mut wrapped) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            let number = u32::try_from(row.number).map_err(|_| KeysError::Damaged)?;
            let name = name(&row.subject, number, &row.commitment);
            let secret = self
                .kek
                .unwrap(kek, &name, &row.wrapped)
                .ok_or_else(|| KeysError::OtherKek(kek.to_owned()))?
                .map_err(|_| KeysError::Damaged)?;
            wrapped.push(self.kek.wrap(&name, &secret)?);
            subjects.push(row.subject);
            numbers.push(row.number);
        }
        let changed = sqlx::query(
            "UPDATE annals_keys.subject_keys AS kept SET wrapped = given.wrapped, kek_id = $4
             FROM unnest($1::text[], $2::int[], $3::bytea[]) AS given (subject, number, wrapped)
             WHERE kept.subject = given.subject AND kept.number = given.number",
        )
        .bind(&subjects)
        .bind(&numbers)
        .bind(&wrapped)
        .bind(self.kek.id())
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        if usize::try_from(changed) != Ok(subjects.len()) {
            return Err(KeysError::Damaged);
        }
        transaction.commit().await?;
        Ok(changed)
    }
}
