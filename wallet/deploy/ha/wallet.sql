-- Runs once, on the first leader.
\getenv password WALLET_DATABASE_PASSWORD
CREATE ROLE wallet LOGIN PASSWORD :'password';
CREATE DATABASE wallet OWNER wallet;
