#!/bin/sh
# Makes a role and a database of its own for each user of PostgreSQL; runs when the data folder is empty.
set -eu

secrets=${SECRETS_DIRECTORY:-/run/secrets}

for name in prefect ledger catalog; do
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set name="$name" --set password="$(cat "$secrets/${name}_database_password")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
SQL
done

# With this, pgstac's migration needs no superuser: it asks for its roles even where they are.
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname catalog <<'SQL'
ALTER ROLE catalog CREATEROLE;
CREATE ROLE pgstac_admin;
CREATE ROLE pgstac_ingest;
CREATE ROLE pgstac_read;
GRANT pgstac_admin, pgstac_ingest, pgstac_read TO catalog WITH ADMIN OPTION;
CREATE EXTENSION IF NOT EXISTS postgis;
CREATE EXTENSION IF NOT EXISTS btree_gist;
SQL
