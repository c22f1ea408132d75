"""The deployment on AWS: its template, made from the tables that the code uses; who deploys it; what it costs."""
