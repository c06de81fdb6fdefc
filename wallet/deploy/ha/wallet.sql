-- Runs once, on the first leader.
\getenv password WALLET_DATABASE_PASSWORD
CREATE ROLE wallet LOGIN PASSWORD :'password';
-- So that the wallet can tell how far the standbys are behind.
GRANT pg_read_all_stats TO wallet;
CREATE DATABASE wallet OWNER wallet;
